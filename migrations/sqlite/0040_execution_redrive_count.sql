-- How often an execution was redriven; NULL is never.
ALTER TABLE execution ADD COLUMN redrive_count INTEGER;
