-- Who has still to be told of changes of an execution's status: a row for each target and commit, until it is told. The
-- changes are in the chunk of the journal that begins with first_event.
CREATE TABLE notice (
    shard_id     bigint NOT NULL,
    target       bigint NOT NULL,
    commit_seq   bigint NOT NULL,
    execution_id uuid   NOT NULL,
    first_event  bigint NOT NULL,
    redrives     bigint NOT NULL,
    PRIMARY KEY (shard_id, target, commit_seq, execution_id)
);
