-- Names for versions. first_weight: how many of a hundred starts the first version gets; the second one, if there is one,
-- gets the others.
CREATE TABLE state_machine_alias (
    state_machine_arn TEXT    NOT NULL,
    name              TEXT    NOT NULL,
    description       TEXT,
    first_version     INTEGER NOT NULL,
    first_weight      INTEGER NOT NULL,
    second_version    INTEGER,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    PRIMARY KEY (state_machine_arn, name)
) STRICT;
