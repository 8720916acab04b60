-- The UUID in the ARN of the Map Run that a child execution belongs to; NULL for all others.
ALTER TABLE execution ADD COLUMN map_run BLOB;
