-- Express executions that have ended, and of which a history is kept: journal holds all events of one, a chunk. They run
-- without the journal, so a row is all there is of them. Nobody needs a lease to write one.
CREATE TABLE express_execution (
    shard_id     bigint NOT NULL,
    execution_id uuid   NOT NULL,
    machine_id   bigint NOT NULL,
    name         text   NOT NULL,
    version      bigint,
    alias        text,
    revision_id  uuid   NOT NULL,
    status       bigint NOT NULL,
    started_at   bigint NOT NULL,
    stopped_at   bigint NOT NULL,
    journal      bytea  NOT NULL,
    PRIMARY KEY (shard_id, execution_id)
);
