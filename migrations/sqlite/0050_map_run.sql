-- An index of the journal: the Map Runs of executions, each known by its event MapRunStarted. detail: limits and counts, a
-- JSON object.
CREATE TABLE map_run (
    shard_id      INTEGER NOT NULL,
    execution_id  BLOB NOT NULL,
    started_event INTEGER NOT NULL,
    arn           TEXT NOT NULL,
    status        INTEGER NOT NULL,
    started_at    INTEGER NOT NULL,
    stopped_at    INTEGER,
    detail        TEXT NOT NULL,
    UNIQUE (shard_id, execution_id, started_event)
) STRICT;
