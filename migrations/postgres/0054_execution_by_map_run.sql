-- For lists of the child executions of a Map Run. It starts empty, but all rows are read once for it.
CREATE INDEX execution_by_map_run ON execution (map_run, execution_id)
    WHERE map_run IS NOT NULL;
