-- The journal and its indexes. Every table of executions leads its keys with shard_id. All numbers are
-- bigint, so that both databases give the same types.

-- One row per shard; the count is fixed when the database is created. A commit raises commit_seq of
-- each shard that it writes to, and goes through only if epoch and commit_seq are what it expects.
-- A shard belongs to its owner as long as the row of that node is alive. Half of each page is left free,
-- so that raising it touches no index.
CREATE TABLE shard (
    shard_id   bigint NOT NULL PRIMARY KEY,
    epoch      bigint NOT NULL,
    commit_seq bigint NOT NULL,
    owner      uuid
) WITH (fillfactor = 50);

INSERT INTO shard SELECT n, 0, 0, NULL FROM generate_series(0, 63) AS n;

-- Processes that use this database. Each renews its row; alive_until is in milliseconds since the epoch by
-- the clock of the database.
CREATE TABLE node (
    node_id     uuid   NOT NULL PRIMARY KEY,
    address     text   NOT NULL,
    alive_until bigint NOT NULL,
    draining    bigint NOT NULL
) WITH (fillfactor = 50);

-- The only truth: the events of one execution in one commit, in the order of the commits.
CREATE TABLE journal (
    shard_id         bigint NOT NULL,
    execution_id     uuid   NOT NULL,
    first_event      bigint NOT NULL,
    events           bigint NOT NULL,
    first_visible_id bigint NOT NULL,
    body             bytea  NOT NULL,
    PRIMARY KEY (shard_id, execution_id, first_event)
);

-- Bodies are written once and hardly read: compressing them costs more than it saves.
ALTER TABLE journal ALTER COLUMN body SET STORAGE EXTERNAL;

-- ARNs of the state machines that executions belong to, be they deleted by now: a short number stands
-- for each in the rows and indexes of its executions.
CREATE TABLE machine (
    machine_id bigint NOT NULL PRIMARY KEY,
    arn        text   NOT NULL UNIQUE
);

-- An index of the journal, written at start, sleep and end only. Keys are UUIDv7: their order is the order of
-- the starts. Times are milliseconds since the epoch.
CREATE TABLE execution (
    shard_id     bigint NOT NULL,
    execution_id uuid   NOT NULL,
    machine_id   bigint NOT NULL,
    name         text   NOT NULL,
    revision_id  uuid   NOT NULL,
    status       bigint NOT NULL,
    started_at   bigint NOT NULL,
    stopped_at   bigint,
    resume_at    bigint,
    PRIMARY KEY (shard_id, execution_id),
    UNIQUE (shard_id, machine_id, name)
);

CREATE INDEX execution_open ON execution (shard_id, coalesce(resume_at, 0), execution_id)
    WHERE stopped_at IS NULL;
-- For retention: those that have ended, by the end, so that what is kept is not read again and again.
CREATE INDEX execution_closed ON execution (shard_id, machine_id, stopped_at)
    WHERE stopped_at IS NOT NULL;
CREATE INDEX execution_by_start ON execution (execution_id);
CREATE INDEX execution_by_machine ON execution (machine_id, execution_id);
CREATE INDEX execution_by_status ON execution (machine_id, status, execution_id);

-- ARNs sort by their bytes, as in SQLite, whatever the language of the database. retention_days: how long
-- executions are kept after their end; 0 is for ever, NULL the server's setting.
CREATE TABLE state_machine (
    arn            text   COLLATE "C" NOT NULL PRIMARY KEY,
    name           text   NOT NULL,
    machine_type   bigint NOT NULL,
    created_at     bigint NOT NULL,
    revision_id    uuid   NOT NULL,
    retention_days bigint,
    tags           text COLLATE "C" NOT NULL
);

-- Immutable; kept when the state machine is gone, as long as executions need them.
CREATE TABLE revision (
    revision_id       uuid   NOT NULL PRIMARY KEY,
    state_machine_arn text   NOT NULL,
    definition        text   NOT NULL,
    role_arn          text   NOT NULL,
    configuration     text   NOT NULL,
    created_at        bigint NOT NULL
);

-- The application's table: keyed as the tutorial's DynamoDB table ImageMetadata.
CREATE TABLE image_metadata (
    image_id    text   COLLATE "C" NOT NULL,
    "timestamp" bigint NOT NULL,
    attributes  bytea  NOT NULL,
    PRIMARY KEY (image_id, "timestamp")
);
