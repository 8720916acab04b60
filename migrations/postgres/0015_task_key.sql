-- What proves that a task token was given out, one row. Copies and replicas have it too: their tokens are the same.
CREATE TABLE task_key (
    place  bigint NOT NULL PRIMARY KEY,
    secret bytea  NOT NULL
);
