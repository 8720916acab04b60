-- For the doctor, which looks at executions one after the other.
CREATE INDEX notice_by_execution ON notice (shard_id, execution_id);
