-- How often versions and aliases of the state machine have changed; NULL is never. A change is made to what was read, or
-- not at all.
ALTER TABLE state_machine ADD COLUMN changes bigint;
