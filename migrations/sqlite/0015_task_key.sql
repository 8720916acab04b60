-- What proves that a task token was given out, one row. Copies have it too: their tokens are the same.
CREATE TABLE task_key (
    place  INTEGER NOT NULL PRIMARY KEY,
    secret BLOB    NOT NULL
) STRICT;
