-- When an execution was redriven the last time.
ALTER TABLE execution ADD COLUMN redriven_at bigint;
