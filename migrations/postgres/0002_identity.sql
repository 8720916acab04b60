-- The id of this database, one row. Copies and replicas have it too, so a witness of commits knows what it has seen.
CREATE TABLE identity (
    place       bigint NOT NULL PRIMARY KEY,
    database_id uuid   NOT NULL
);
