-- An index of the journal: the Map Runs of executions, each known by its event MapRunStarted. detail: limits and counts, a
-- JSON object.
CREATE TABLE map_run (
    shard_id      bigint NOT NULL,
    execution_id  uuid NOT NULL,
    started_event bigint NOT NULL,
    arn           text NOT NULL,
    status        bigint NOT NULL,
    started_at    bigint NOT NULL,
    stopped_at    bigint,
    detail        text NOT NULL,
    PRIMARY KEY (shard_id, execution_id, started_event)
);
