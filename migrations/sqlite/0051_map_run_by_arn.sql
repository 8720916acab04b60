-- For those who know a Map Run by its ARN only, which does not tell the shard.
CREATE INDEX map_run_by_arn ON map_run (arn);
