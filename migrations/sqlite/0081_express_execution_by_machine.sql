-- For lists, newest start first.
CREATE INDEX express_execution_by_machine ON express_execution (machine_id, execution_id);
