-- Published revisions.
CREATE TABLE state_machine_version (
    state_machine_arn TEXT    NOT NULL,
    version           INTEGER NOT NULL,
    revision_id       BLOB    NOT NULL,
    description       TEXT,
    created_at        INTEGER NOT NULL,
    PRIMARY KEY (state_machine_arn, version)
) STRICT;
