-- The journal and its indexes. Every table of executions leads its keys with shard_id.

-- One row per shard; the count is fixed when the database is created. A commit raises commit_seq of
-- each shard that it writes to, and goes through only if epoch and commit_seq are what it expects.
CREATE TABLE shard (
    shard_id   INTEGER NOT NULL PRIMARY KEY,
    epoch      INTEGER NOT NULL,
    commit_seq INTEGER NOT NULL
) STRICT;

WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < 63)
INSERT INTO shard SELECT n, 0, 0 FROM number;

-- The only truth: the events of one execution in one commit, in the order of the commits. An ordinary
-- rowid table, so that a commit appends to the end of the file instead of touching a page per execution.
CREATE TABLE journal (
    shard_id         INTEGER NOT NULL,
    execution_id     BLOB    NOT NULL,
    first_event      INTEGER NOT NULL,
    events           INTEGER NOT NULL,
    first_visible_id INTEGER NOT NULL,
    body             BLOB    NOT NULL,
    UNIQUE (shard_id, execution_id, first_event)
) STRICT;

-- ARNs of the state machines that executions belong to, be they deleted by now: a short number stands
-- for each in the rows and indexes of its executions.
CREATE TABLE machine (
    machine_id INTEGER NOT NULL PRIMARY KEY,
    arn        TEXT    NOT NULL UNIQUE
) STRICT;

-- An index of the journal, written at start, sleep and end only. Keys are UUIDv7: their order is the order of
-- the starts. Times are milliseconds since the epoch.
CREATE TABLE execution (
    shard_id     INTEGER NOT NULL,
    execution_id BLOB    NOT NULL,
    machine_id   INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    revision_id  BLOB    NOT NULL,
    status       INTEGER NOT NULL,
    started_at   INTEGER NOT NULL,
    stopped_at   INTEGER,
    resume_at    INTEGER,
    UNIQUE (shard_id, execution_id),
    UNIQUE (shard_id, machine_id, name)
) STRICT;

CREATE INDEX execution_open ON execution (shard_id, coalesce(resume_at, 0), execution_id)
    WHERE stopped_at IS NULL;
-- For retention: those that have ended, by the end, so that what is kept is not read again and again.
CREATE INDEX execution_closed ON execution (shard_id, machine_id, stopped_at)
    WHERE stopped_at IS NOT NULL;
CREATE INDEX execution_by_start ON execution (execution_id);
CREATE INDEX execution_by_machine ON execution (machine_id, execution_id);
CREATE INDEX execution_by_status ON execution (machine_id, status, execution_id);

-- retention_days: how long executions are kept after their end; 0 is for ever, NULL the server's setting.
-- tags: a JSON object, keys in order.
CREATE TABLE state_machine (
    arn            TEXT    NOT NULL PRIMARY KEY,
    name           TEXT    NOT NULL,
    machine_type   INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    revision_id    BLOB    NOT NULL,
    retention_days INTEGER,
    tags           TEXT    NOT NULL
) STRICT;

-- Immutable; kept when the state machine is gone, as long as executions need them.
CREATE TABLE revision (
    revision_id       BLOB    NOT NULL PRIMARY KEY,
    state_machine_arn TEXT    NOT NULL,
    definition        TEXT    NOT NULL,
    role_arn          TEXT    NOT NULL,
    configuration     TEXT    NOT NULL,
    created_at        INTEGER NOT NULL
) STRICT;

-- The application's table: keyed as the tutorial's DynamoDB table ImageMetadata.
CREATE TABLE image_metadata (
    image_id   TEXT    NOT NULL,
    timestamp  INTEGER NOT NULL,
    attributes BLOB    NOT NULL,
    PRIMARY KEY (image_id, timestamp)
) STRICT;
