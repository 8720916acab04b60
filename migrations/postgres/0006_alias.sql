-- Names for versions. first_weight: how many of a hundred starts the first version gets; the second one, if there is one,
-- gets the others.
CREATE TABLE state_machine_alias (
    state_machine_arn text COLLATE "C" NOT NULL,
    name              text COLLATE "C" NOT NULL,
    description       text,
    first_version     bigint NOT NULL,
    first_weight      bigint NOT NULL,
    second_version    bigint,
    created_at        bigint NOT NULL,
    updated_at        bigint NOT NULL,
    PRIMARY KEY (state_machine_arn, name)
);
