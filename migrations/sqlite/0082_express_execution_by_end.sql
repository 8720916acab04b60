-- For retention: by the end, so that what is kept is not read again and again.
CREATE INDEX express_execution_by_end ON express_execution (shard_id, machine_id, stopped_at);
