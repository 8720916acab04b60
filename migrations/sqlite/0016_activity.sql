-- encryption: `encryptionConfiguration` as it was sent, a JSON object. tags: a JSON object, keys in order.
CREATE TABLE activity (
    arn        TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    encryption TEXT    NOT NULL,
    tags       TEXT    NOT NULL
) STRICT;
