-- 0003: a cohort for the distance; faces that do not move an average; ignored clusters; people who are different.

CREATE TABLE cohort (                 -- faces of other people, by which a distance is judged (docs/matching.md)
    cohort_id  INTEGER PRIMARY KEY AUTOINCREMENT,
    backend    TEXT NOT NULL,
    clusters   INTEGER NOT NULL,      -- how many clusters the library had then
    weights_id INTEGER NOT NULL REFERENCES weights,
    typical    REAL NOT NULL,         -- half of all pairs of different people are nearer than this …
    close      REAL NOT NULL,         -- … and one in 100 nearer than this, normalised
    run_id     INTEGER NOT NULL REFERENCES run
) STRICT;

CREATE TABLE cohort_face (            -- one face of each of some clusters, never changed afterwards
    cohort_id  INTEGER NOT NULL REFERENCES cohort ON DELETE CASCADE,
    face_id    INTEGER NOT NULL REFERENCES face ON DELETE CASCADE,
    cluster_id INTEGER NOT NULL,      -- its cluster then; may since have been merged away
    PRIMARY KEY (cohort_id, face_id)
) STRICT, WITHOUT ROWID;

ALTER TABLE match ADD COLUMN normalised REAL;            -- distance by the cohort; null: there was none
ALTER TABLE match ADD COLUMN runner_up_normalised REAL;
ALTER TABLE match ADD COLUMN cohort_id INTEGER REFERENCES cohort;

ALTER TABLE face ADD COLUMN counts INTEGER NOT NULL DEFAULT 1 CHECK (counts IN (0, 1));  -- 0: moves no average
ALTER TABLE face ADD COLUMN tried INTEGER NOT NULL DEFAULT 0 CHECK (tried >= 0);
ALTER TABLE face ADD COLUMN sharpness REAL;
CREATE INDEX face_new ON face (backend, tried) WHERE cluster_id IS NULL;
ALTER TABLE average ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE average ADD COLUMN counted_total BLOB;
UPDATE average SET counted = faces;

ALTER TABLE cluster ADD COLUMN ignored INTEGER NOT NULL DEFAULT 0 CHECK (ignored IN (0, 1));

CREATE TABLE different (              -- a human says: these two clusters are different people
    one_id     INTEGER NOT NULL REFERENCES cluster,
    other_id   INTEGER NOT NULL REFERENCES cluster,
    journal_id INTEGER NOT NULL REFERENCES journal,
    PRIMARY KEY (one_id, other_id),
    CHECK (one_id < other_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX different_other ON different (other_id);

ALTER TABLE journal ADD COLUMN erased INTEGER NOT NULL DEFAULT 0 CHECK (erased IN (0, 1));
ALTER TABLE journal_change ADD COLUMN cluster_id INTEGER;   -- where the face was when this was said of it

CREATE TABLE undone (                 -- one entry took another back; it can be taken back itself
    by_id      INTEGER NOT NULL REFERENCES journal,
    journal_id INTEGER NOT NULL REFERENCES journal,
    PRIMARY KEY (by_id, journal_id)
) STRICT, WITHOUT ROWID;

-- Ignored clusters are out of the way.

DROP VIEW photos;
DROP VIEW faces;
DROP VIEW clusters;

CREATE VIEW photos AS                 -- one row per picture that is present, however many files hold it
SELECT photo.photo_id,
       (SELECT min(path) FROM files WHERE files.photo_id = photo.photo_id AND state = 'present') AS path,
       (SELECT count(*) FROM files WHERE files.photo_id = photo.photo_id AND state = 'present') AS copies,
       coalesce(photo.taken_at,
                (SELECT min(modified) FROM files
                 WHERE files.photo_id = photo.photo_id AND state = 'present')) AS taken_at,
       CAST(coalesce(photo.taken_at,
                     (SELECT min(modified) FROM files
                      WHERE files.photo_id = photo.photo_id AND state = 'present')) AS INTEGER) AS year,
       iif(photo.taken_at IS NULL, 'file', 'exif') AS taken_from,
       photo.width, photo.height, photo.format, photo.size, photo.camera, photo.latitude, photo.longitude,
       (SELECT count(*) FROM face
        WHERE face.photo_id = photo.photo_id
          AND face.backend = (SELECT value FROM setting WHERE name = 'backend')
          AND NOT EXISTS (SELECT 1 FROM ignored WHERE ignored.face_id = face.face_id)
          AND NOT EXISTS (SELECT 1 FROM cluster WHERE cluster.cluster_id = face.cluster_id AND cluster.ignored
                          AND NOT EXISTS (SELECT 1 FROM label WHERE label.face_id = face.face_id))) AS faces,
       (SELECT group_concat(name, ', ')
        FROM (SELECT DISTINCT person.name
              FROM face
              LEFT JOIN label ON label.face_id = face.face_id
              LEFT JOIN cluster ON cluster.cluster_id = face.cluster_id
              JOIN person ON person.person_id = coalesce(label.person_id, cluster.person_id)
              WHERE face.photo_id = photo.photo_id
                AND face.backend = (SELECT value FROM setting WHERE name = 'backend')
                AND NOT EXISTS (SELECT 1 FROM ignored WHERE ignored.face_id = face.face_id)
              ORDER BY person.name)) AS people,   -- Anna, Ben
       lower(hex(photo.digest)) AS digest
FROM photo
WHERE EXISTS (SELECT 1 FROM file JOIN folder USING (folder_id) JOIN root USING (root_id)
              WHERE file.digest = photo.digest AND file.gone IS NULL AND root.removed_at IS NULL);

CREATE VIEW faces AS                  -- one row per face on those pictures
SELECT face.face_id,
       face.photo_id,
       (SELECT min(path) FROM files WHERE files.photo_id = face.photo_id AND state = 'present') AS path,
       person.name AS person,         -- what a human said of this face, else of its cluster
       face.cluster_id,
       CASE WHEN ignored.face_id IS NOT NULL THEN 'ignored'
            WHEN label.source IS NOT NULL THEN label.source
            WHEN cluster.ignored THEN 'ignored'
            WHEN person.person_id IS NOT NULL THEN 'match' END AS named_by,  -- human, tag, match, ignored
       match.distance,                -- to the average of its cluster when the machine put it there
       match.runner_up_distance,
       face.score, face.detector,
       face."left", face.top, face."right", face.bottom,
       face.run_id,                   -- the run that found it
       match.run_id AS matched_run_id -- the run that put it into its cluster
FROM face
LEFT JOIN ignored ON ignored.face_id = face.face_id
LEFT JOIN label ON label.face_id = face.face_id AND ignored.face_id IS NULL
LEFT JOIN cluster ON cluster.cluster_id = face.cluster_id
LEFT JOIN match ON match.face_id = face.face_id AND face.cluster_id IS NOT NULL
LEFT JOIN person ON person.person_id = coalesce(label.person_id, cluster.person_id)
CROSS JOIN photo ON photo.photo_id = face.photo_id   -- CROSS: who it is first, then the files
WHERE face.backend = (SELECT value FROM setting WHERE name = 'backend')
  AND EXISTS (SELECT 1 FROM file JOIN folder USING (folder_id) JOIN root USING (root_id)
              WHERE file.digest = photo.digest AND file.gone IS NULL AND root.removed_at IS NULL);

CREATE VIEW clusters AS               -- one row per cluster with faces on those pictures, but for ignored ones
SELECT cluster.cluster_id,
       person.name AS person,         -- null: nobody named it yet
       count(*) AS faces,
       count(DISTINCT face.photo_id) AS photos,
       cluster.run_id                 -- the run that found it
FROM face
JOIN cluster ON cluster.cluster_id = face.cluster_id
LEFT JOIN person ON person.person_id = cluster.person_id
WHERE cluster.backend = (SELECT value FROM setting WHERE name = 'backend') AND NOT cluster.ignored
  AND face.photo_id IN (SELECT photo_id FROM photos)
GROUP BY cluster.cluster_id;

-- Each run's stages together, in the order in which a photo meets them.

DROP VIEW profiles;
CREATE VIEW profiles AS               -- where the time of a night's reading went: one row per run and stage
WITH reading AS (                     -- json_each alone: older SQLite trusts no json_extract() in a view
    SELECT run_id, profile,
           max(iif(each."key" = 'photos', each.value, NULL)) AS photos,          -- looked at
           max(iif(each."key" = 'workers', each.value, NULL))
           * max(iif(each."key" = 'seconds', each.value, NULL)) AS core_seconds
    FROM run, json_each(run.profile) AS each GROUP BY run_id
), spent AS (
    SELECT run_id, each."key" AS stage, each.value AS seconds, photos, core_seconds, each.id AS place
    FROM reading, json_each(reading.profile, '$.stages') AS each
    UNION ALL                         -- what is left is "idle": workers started, waited or died
    SELECT run_id, 'idle',
           max(0.0, core_seconds - (SELECT total(value) FROM json_each(reading.profile, '$.stages'))),
           photos, core_seconds, 1000000
    FROM reading
)
SELECT run_id, stage,
       round(seconds, 3) AS seconds,  -- of all workers together
       round(1000 * seconds / nullif(photos, 0), 3) AS ms_per_photo,
       round(seconds / nullif(core_seconds, 0), 4) AS share   -- of the workers' time, 0 to 1
FROM spent ORDER BY run_id, place;      -- as a photo meets them, idle last
