-- The end whose results were exported when it was wound up.
ALTER TABLE map_run ADD COLUMN exported bigint;
