-- A Map Run that had ended before its end had to be wound up (version 60) counts as wound up: its child executions were dealt
-- with by the rules of then, and its results were not exported.
UPDATE map_run SET wound_up = stopped_at
    WHERE status IN (3, 5) AND wound_up IS NULL AND stopped_at <
        (SELECT unixepoch(installed_on) * 1000 FROM _sqlx_migrations WHERE version = 60);
