-- The version that an execution was started with; NULL when by the unqualified ARN.
ALTER TABLE execution ADD COLUMN version INTEGER;
