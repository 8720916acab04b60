-- When the deletion of the state machine began, which waits for the end of its executions.
ALTER TABLE state_machine ADD COLUMN deleting_since INTEGER;
