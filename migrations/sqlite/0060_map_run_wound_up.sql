-- The end (stopped_at) since which a Map Run that has ended badly is wound up: none of its child executions runs. NULL and
-- any other time: it is not, or it was not then.
ALTER TABLE map_run ADD COLUMN wound_up INTEGER;
