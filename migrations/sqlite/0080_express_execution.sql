-- Express executions that have ended, and of which a history is kept: journal holds all events of one, a chunk. They run
-- without the journal, so a row is all there is of them. Nobody needs a lease to write one.
CREATE TABLE express_execution (
    shard_id     INTEGER NOT NULL,
    execution_id BLOB    NOT NULL,
    machine_id   INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    version      INTEGER,
    alias        TEXT,
    revision_id  BLOB    NOT NULL,
    status       INTEGER NOT NULL,
    started_at   INTEGER NOT NULL,
    stopped_at   INTEGER NOT NULL,
    journal      BLOB    NOT NULL,
    UNIQUE (shard_id, execution_id)
) STRICT;
