-- How many items a child execution of a Map Run has.
ALTER TABLE execution ADD COLUMN item_count bigint;
