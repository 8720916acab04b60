-- The alias that an execution was started by.
ALTER TABLE execution ADD COLUMN alias text;
