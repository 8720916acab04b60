-- For lists of the executions of an alias; no row has one yet, so it is made quickly.
CREATE INDEX execution_by_alias ON execution (machine_id, alias, execution_id)
    WHERE alias IS NOT NULL;
