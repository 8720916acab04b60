-- For lists of the executions of a version. It starts empty, but all rows are read once for it.
CREATE INDEX execution_by_version ON execution (machine_id, version, execution_id)
    WHERE version IS NOT NULL;
