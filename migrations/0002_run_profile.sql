-- 0002: where a run's time went, and what its workers remarked. Runs before this have neither.

ALTER TABLE run ADD COLUMN profile TEXT;
ALTER TABLE run ADD COLUMN notes TEXT NOT NULL DEFAULT '';

DROP VIEW runs;
CREATE VIEW runs AS                   -- one row per night
SELECT run_id, started_at, ended_at, outcome,
       CAST(round((julianday(ended_at) - julianday(started_at)) * 86400) AS INTEGER) AS seconds,
       files_seen, files_new, files_changed, files_moved, files_copied, files_returned, files_vanished,
       files_read, bytes_read, photos_new, faces_found, faces_named, clusters_new, problems, offline,
       notes                          -- what the machine had to say: a device that failed …
FROM run;

CREATE VIEW profiles AS               -- where the time of a night's reading went: one row per run and stage
WITH reading AS (                     -- json_each alone: older SQLite trusts no json_extract() in a view
    SELECT run_id, profile,
           max(iif(each."key" = 'photos', each.value, NULL)) AS photos,          -- looked at
           max(iif(each."key" = 'workers', each.value, NULL))
           * max(iif(each."key" = 'seconds', each.value, NULL)) AS core_seconds
    FROM run, json_each(run.profile) AS each GROUP BY run_id
), spent AS (
    SELECT run_id, each."key" AS stage, each.value AS seconds, photos, core_seconds
    FROM reading, json_each(reading.profile, '$.stages') AS each
    UNION ALL                         -- what is left is "idle": workers started, waited or died
    SELECT run_id, 'idle',
           max(0.0, core_seconds - (SELECT total(value) FROM json_each(reading.profile, '$.stages'))),
           photos, core_seconds
    FROM reading
)
SELECT run_id, stage,
       round(seconds, 3) AS seconds,  -- of all workers together
       round(1000 * seconds / nullif(photos, 0), 3) AS ms_per_photo,
       round(seconds / nullif(core_seconds, 0), 4) AS share   -- of the workers' time, 0 to 1
FROM spent;
