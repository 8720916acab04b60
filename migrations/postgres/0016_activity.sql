-- encryption: `encryptionConfiguration` as it was sent, a JSON object. tags: a JSON object, keys in order.
CREATE TABLE activity (
    arn        text COLLATE "C" NOT NULL PRIMARY KEY,
    name       text NOT NULL,
    created_at bigint NOT NULL,
    encryption text NOT NULL,
    tags       text NOT NULL
);
