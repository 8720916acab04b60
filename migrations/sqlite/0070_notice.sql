-- Who has still to be told of changes of an execution's status: a row for each target and commit, until it is told. The
-- changes are in the chunk of the journal that begins with first_event.
CREATE TABLE notice (
    shard_id     INTEGER NOT NULL,
    target       INTEGER NOT NULL,
    commit_seq   INTEGER NOT NULL,
    execution_id BLOB    NOT NULL,
    first_event  INTEGER NOT NULL,
    redrives     INTEGER NOT NULL,
    UNIQUE (shard_id, target, commit_seq, execution_id)
) STRICT;
