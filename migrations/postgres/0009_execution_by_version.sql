-- For lists of the executions of a version; no row has one yet, so it is made quickly.
CREATE INDEX execution_by_version ON execution (machine_id, version, execution_id)
    WHERE version IS NOT NULL;
