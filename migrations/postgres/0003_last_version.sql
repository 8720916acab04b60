-- The highest number that a version of the state machine has ever had; NULL before the first.
ALTER TABLE state_machine ADD COLUMN last_version bigint;
