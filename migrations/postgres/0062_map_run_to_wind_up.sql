-- For whoever takes a shard over: the Map Runs that have ended badly (FAILED 3, ABORTED 5) and are not wound up.
CREATE INDEX map_run_to_wind_up ON map_run (shard_id, execution_id, started_event)
    WHERE status IN (3, 5) AND wound_up IS DISTINCT FROM stopped_at;
