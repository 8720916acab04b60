-- Published revisions.
CREATE TABLE state_machine_version (
    state_machine_arn text COLLATE "C" NOT NULL,
    version           bigint NOT NULL,
    revision_id       uuid   NOT NULL,
    description       text,
    created_at        bigint NOT NULL,
    PRIMARY KEY (state_machine_arn, version)
);
