-- The id of this database, one row. Copies have it too, so a witness of commits knows what it has seen.
CREATE TABLE identity (
    place       INTEGER NOT NULL PRIMARY KEY,
    database_id BLOB    NOT NULL
) STRICT;
