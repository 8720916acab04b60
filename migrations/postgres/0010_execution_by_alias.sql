-- For lists of the executions of an alias. It starts empty, but all rows are read once for it.
CREATE INDEX execution_by_alias ON execution (machine_id, alias, execution_id)
    WHERE alias IS NOT NULL;
