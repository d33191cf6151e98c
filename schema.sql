-- faceindex: the index file, from top to bottom.
--
-- Tables are named in the singular and belong to the program; views are named in the plural and are
-- yours: full paths, names, plain numbers, ISO dates, stable from version to version (docs/sql.md).
--
-- One word, one thing:
--   root     a folder the user asked to index            cluster  faces taken for one person
--   file     one path under a root                       person   a name; owns clusters
--   photo    one distinct picture, by its digest         label    what a human said; the machine never
--   face     a box on a photo                                     writes over it
--                                                        match    the machine's guess
--
-- Conventions: times are UTC, "2026-01-31T02:00:00Z". Boxes are fractions (0 to 1) of the upright
-- picture. Encodings are little-endian float32. A name or path that is not valid UTF-8 is shown with
-- \xNN for each broken byte, and its exact bytes stand in the raw_ column, which is empty otherwise.
--
-- This text makes a new index. migrations/ leads an older one to the same shape; a test compares.

PRAGMA application_id = 1178682185;   -- 0x46414349, "FACI"
PRAGMA user_version = 4;              -- the number of the last migration

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
INSERT INTO setting VALUES ('backend', 'dlib');   -- whose faces the views show

---------------------------------------------------------------------------------------- what ran

CREATE TABLE run (                    -- one execution of `scan`
    run_id         INTEGER PRIMARY KEY AUTOINCREMENT,
    started_at     TEXT NOT NULL,
    ended_at       TEXT,              -- null: running now, or killed (then the next run says so)
    outcome        TEXT CHECK (outcome IN ('done', 'deadline', 'stopped', 'failed', 'killed')),
    version        TEXT NOT NULL,     -- of faceindex
    options        TEXT NOT NULL,     -- JSON
    files_seen     INTEGER NOT NULL DEFAULT 0,
    files_new      INTEGER NOT NULL DEFAULT 0,
    files_changed  INTEGER NOT NULL DEFAULT 0,
    files_moved    INTEGER NOT NULL DEFAULT 0,   -- new path, bytes known, the old path gone
    files_copied   INTEGER NOT NULL DEFAULT 0,   -- new path, bytes known, the old path still there
    files_returned INTEGER NOT NULL DEFAULT 0,   -- had vanished, are back
    files_vanished INTEGER NOT NULL DEFAULT 0,
    files_read     INTEGER NOT NULL DEFAULT 0,
    bytes_read     INTEGER NOT NULL DEFAULT 0,
    photos_new     INTEGER NOT NULL DEFAULT 0,   -- pictures examined for the first time
    faces_found    INTEGER NOT NULL DEFAULT 0,
    faces_named    INTEGER NOT NULL DEFAULT 0,   -- of the new faces, joined a named cluster
    clusters_new   INTEGER NOT NULL DEFAULT 0,
    problems       INTEGER NOT NULL DEFAULT 0,   -- files this run could not handle
    offline        INTEGER NOT NULL DEFAULT 0,   -- roots missing, empty or with most files gone
    profile        TEXT,              -- JSON: where the time went, so far; null: nothing was read (view profiles)
    notes          TEXT NOT NULL DEFAULT ''      -- what workers remarked, a line each, each line once
) STRICT;

------------------------------------------------------------------------------- what is on the disk

CREATE TABLE root (
    root_id    INTEGER PRIMARY KEY AUTOINCREMENT,
    path       TEXT NOT NULL,         -- absolute
    raw_path   BLOB NOT NULL DEFAULT x'',
    added_at   TEXT NOT NULL,
    removed_at TEXT,                  -- taken out by the user; its files stay known, unseen, and are
    UNIQUE (path, raw_path)           -- back when the root is added again
) STRICT;

CREATE TABLE folder (
    folder_id INTEGER PRIMARY KEY,
    root_id   INTEGER NOT NULL REFERENCES root,
    path      TEXT NOT NULL,          -- relative to the root, '' is the root itself
    raw_path  BLOB NOT NULL DEFAULT x'',
    UNIQUE (root_id, path, raw_path)
) STRICT;

CREATE TABLE file (                   -- one path, as stat() last saw it
    file_id   INTEGER PRIMARY KEY,
    folder_id INTEGER NOT NULL REFERENCES folder,
    name      TEXT NOT NULL,
    raw_name  BLOB NOT NULL DEFAULT x'',
    kind      TEXT NOT NULL CHECK (kind IN ('photo', 'other', 'special')),  -- special: link, FIFO …
    size      INTEGER NOT NULL,       -- bytes
    mtime_ns  INTEGER NOT NULL,       -- nanoseconds since 1970
    ctime_ns  INTEGER NOT NULL,       -- 0: read so soon after a change that it must be read once more
    device    INTEGER NOT NULL,       -- device and inode as signed 64-bit numbers
    inode     INTEGER NOT NULL,
    digest    BLOB CHECK (length(digest) = 32),  -- SHA-256 when last read; null: never read
    stale     INTEGER NOT NULL DEFAULT 1 CHECK (stale IN (0, 1)),  -- 1: the bytes must be read (again)
    held_id   INTEGER REFERENCES photo,  -- the last picture here: labels carry over from it when it is edited
    gone      TEXT CHECK (gone IN ('vanished', 'excluded')),  -- null: it is there
    gone_at   TEXT,
    UNIQUE (folder_id, name, raw_name)
) STRICT;
CREATE INDEX file_digest ON file (digest, gone, folder_id);  -- which paths hold this photo, are they there?
CREATE INDEX file_inode ON file (inode, size);        -- was this new path known under another name?
CREATE INDEX file_stale ON file (stale) WHERE stale;  -- what is to be read?
CREATE INDEX file_troubled ON file (size) WHERE stale AND digest IS NOT NULL;  -- which damaged pictures have this size?

CREATE TABLE photo (                  -- one distinct picture, however many files hold it
    photo_id    INTEGER PRIMARY KEY AUTOINCREMENT,
    digest      BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    size        INTEGER NOT NULL,     -- bytes
    format      TEXT NOT NULL,        -- JPEG, PNG, HEIF …
    width       INTEGER NOT NULL,     -- pixels, upright
    height      INTEGER NOT NULL,
    orientation INTEGER NOT NULL,     -- EXIF, 1 to 8, as stored
    taken_at    TEXT,                 -- EXIF, the camera's clock, with its offset where it told one
    camera      TEXT,
    latitude    REAL,                 -- degrees, north positive
    longitude   REAL                  -- degrees, east positive
) STRICT;
CREATE INDEX photo_size ON photo (size);              -- what might a file of this size be a copy of?
CREATE INDEX photo_hash ON photo (lower(hex(digest)));  -- which has the digest that sha256sum prints so?

CREATE TABLE examination (            -- this backend has looked for faces on this photo
    photo_id    INTEGER NOT NULL REFERENCES photo,
    backend     TEXT NOT NULL,
    run_id      INTEGER NOT NULL REFERENCES run,
    settings    TEXT NOT NULL,        -- JSON: detector, sizes, limits
    seconds     REAL NOT NULL,
    PRIMARY KEY (photo_id, backend)
) STRICT, WITHOUT ROWID;

CREATE TABLE problem (                -- a file or folder that could not be handled
    problem_id INTEGER PRIMARY KEY AUTOINCREMENT,
    file_id    INTEGER REFERENCES file,    -- this …
    folder_id  INTEGER REFERENCES folder,  -- … or this one
    stage      TEXT NOT NULL CHECK (stage IN ('crawl', 'read', 'examine')),
    kind       TEXT NOT NULL,         -- unreadable, changing, corrupt, too-large, timeout, crash …
    message    TEXT NOT NULL,
    tries      INTEGER NOT NULL DEFAULT 1,
    retry      INTEGER NOT NULL,      -- 1: the next run tries again
    first_at   TEXT NOT NULL,
    last_at    TEXT NOT NULL,
    run_id     INTEGER NOT NULL REFERENCES run,   -- the last that met it
    CHECK ((file_id IS NULL) <> (folder_id IS NULL))
) STRICT;
CREATE UNIQUE INDEX problem_file ON problem (file_id) WHERE file_id IS NOT NULL;
CREATE UNIQUE INDEX problem_folder ON problem (folder_id) WHERE folder_id IS NOT NULL;

----------------------------------------------------------------------------------- who is on it

CREATE TABLE person (
    person_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name      TEXT NOT NULL UNIQUE CHECK (name <> ''),
    born      TEXT                    -- ISO date or year, as far as known
) STRICT;

CREATE TABLE cluster (                -- faces taken for one person; ids are never used again
    cluster_id INTEGER PRIMARY KEY AUTOINCREMENT,
    backend    TEXT NOT NULL,         -- averages of different backends are never compared
    person_id  INTEGER REFERENCES person,  -- set by a human only; null: nobody named it yet
    run_id     INTEGER REFERENCES run,     -- which scan found it
    ignored    INTEGER NOT NULL DEFAULT 0 CHECK (ignored IN (0, 1))   -- 1: strangers, to be left alone
) STRICT;
CREATE INDEX cluster_person ON cluster (person_id);

CREATE TABLE average (                -- the exact sum of a cluster's encodings, kept as they come and go
    cluster_id INTEGER PRIMARY KEY REFERENCES cluster ON DELETE CASCADE,
    faces      INTEGER NOT NULL,
    total      BLOB NOT NULL,         -- little-endian int64, in units of 2^-32: sums in any order are
                                      -- equal to the last bit; average = total / 2^32 / faces, but where
    counted    INTEGER NOT NULL DEFAULT 0,  -- some count and some do not (face.counts): how many count,
    counted_total BLOB                -- and their sum, which then makes the average; else null
) STRICT;

CREATE TABLE face (
    face_id    INTEGER PRIMARY KEY AUTOINCREMENT,
    photo_id   INTEGER NOT NULL REFERENCES photo,
    backend    TEXT NOT NULL,         -- whose encoding it bears
    detector   TEXT NOT NULL,         -- hog, cnn …; "human" for a box somebody drew
    score      REAL NOT NULL,         -- the detector's confidence; scales of detectors differ
    "left"     REAL NOT NULL,
    top        REAL NOT NULL,
    "right"    REAL NOT NULL,
    bottom     REAL NOT NULL,
    cluster_id INTEGER REFERENCES cluster,   -- null: not yet matched, or ignored
    run_id     INTEGER NOT NULL REFERENCES run,
    counts     INTEGER NOT NULL DEFAULT 1 CHECK (counts IN (0, 1)),  -- 0: a poor face or a near-copy, which
                                      -- moves no average while there are others, and founds no cluster
    tried      INTEGER NOT NULL DEFAULT 0 CHECK (tried >= 0),        -- a poor face: with so many clusters it was
                                      -- compared in vain; 0: with none yet
    sharpness  REAL                   -- fine detail as a part of its contrast; null: not measured
) STRICT;
CREATE INDEX face_photo ON face (photo_id);
CREATE INDEX face_cluster ON face (cluster_id, backend);
CREATE INDEX face_new ON face (backend, tried) WHERE cluster_id IS NULL;   -- what is still to be matched?

CREATE TABLE encoding (
    face_id INTEGER PRIMARY KEY REFERENCES face ON DELETE CASCADE,
    vector  BLOB NOT NULL CHECK (length(vector) % 4 = 0)   -- 128 little-endian float32 for dlib
) STRICT;

CREATE TABLE weights (                -- weights of an encoding's numbers in the distance, mean 1
    weights_id INTEGER PRIMARY KEY AUTOINCREMENT,
    backend    TEXT NOT NULL,
    encodings  INTEGER NOT NULL,      -- from how many of this library's encodings; 0: all weights are 1
    vector     BLOB NOT NULL,         -- little-endian float32
    run_id     INTEGER NOT NULL REFERENCES run
) STRICT;

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

CREATE TABLE match (                  -- why the machine put a face where it is
    face_id            INTEGER PRIMARY KEY REFERENCES face ON DELETE CASCADE,
    cluster_id         INTEGER NOT NULL,  -- as decided then; may since have been merged away
    distance           REAL NOT NULL,     -- to that cluster's average
    runner_up_id       INTEGER,           -- nearest cluster of another person
    runner_up_distance REAL,
    founded            INTEGER NOT NULL,  -- 1: the cluster was made from this face and its like
    threshold          REAL NOT NULL,     -- in force then
    weights_id         INTEGER NOT NULL REFERENCES weights,
    run_id             INTEGER NOT NULL REFERENCES run,
    normalised         REAL,          -- distance by the cohort; null: there was none
    runner_up_normalised REAL,
    cohort_id          INTEGER REFERENCES cohort
) STRICT;
CREATE INDEX match_run ON match (run_id);             -- whom did this scan recognise?

---------------------------------------------------------------------------- what humans said of it

CREATE TABLE journal (                -- one entry for each change a human made
    journal_id INTEGER PRIMARY KEY AUTOINCREMENT,
    at         TEXT NOT NULL,
    command    TEXT NOT NULL,         -- cluster label, cluster merge …
    summary    TEXT NOT NULL,         -- a sentence
    undone_at  TEXT,                  -- null: it stands
    erased     INTEGER NOT NULL DEFAULT 0 CHECK (erased IN (0, 1))   -- 1: somebody it spoke of was forgotten
) STRICT;                             -- for good, and it cannot be undone

CREATE TABLE undone (                 -- one entry took another back; it can be taken back itself
    by_id      INTEGER NOT NULL REFERENCES journal,
    journal_id INTEGER NOT NULL REFERENCES journal,
    PRIMARY KEY (by_id, journal_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE journal_change (         -- every row an entry touched, so that undo is exact
    journal_id INTEGER NOT NULL REFERENCES journal,
    change_no  INTEGER NOT NULL,
    table_name TEXT NOT NULL,
    before     TEXT,                  -- JSON of the row; null: it was not there
    after      TEXT,                  -- JSON of the row; null: it is no longer there
    cluster_id INTEGER,               -- where the face was when this was said of it; null: in none, or no face
    PRIMARY KEY (journal_id, change_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE label (                  -- a human, or a tag a human once made, says who a face is
    face_id    INTEGER PRIMARY KEY REFERENCES face,
    person_id  INTEGER NOT NULL REFERENCES person,
    source     TEXT NOT NULL CHECK (source IN ('human', 'tag')),
    journal_id INTEGER NOT NULL REFERENCES journal,
    carried_from INTEGER REFERENCES face   -- the face of this photo before it was edited, or of another
) STRICT;                                  -- backend, that the human meant; null: this very face
CREATE INDEX label_person ON label (person_id);
CREATE INDEX label_journal ON label (journal_id);

CREATE TABLE rejection (              -- a human says: this face is not that person, or not of that cluster
    face_id    INTEGER NOT NULL REFERENCES face,
    person_id  INTEGER REFERENCES person,
    cluster_id INTEGER REFERENCES cluster,
    journal_id INTEGER NOT NULL REFERENCES journal,
    carried_from INTEGER REFERENCES face,
    CHECK ((person_id IS NULL) <> (cluster_id IS NULL))
) STRICT;
CREATE UNIQUE INDEX rejection_once ON rejection (face_id, ifnull(person_id, 0), ifnull(cluster_id, 0));

CREATE TABLE different (              -- a human says: these two clusters are different people
    one_id     INTEGER NOT NULL REFERENCES cluster,
    other_id   INTEGER NOT NULL REFERENCES cluster,
    journal_id INTEGER NOT NULL REFERENCES journal,
    PRIMARY KEY (one_id, other_id),
    CHECK (one_id < other_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX different_other ON different (other_id);

CREATE TABLE ignored (                -- a human says: leave this face alone (a stranger, no face)
    face_id    INTEGER PRIMARY KEY REFERENCES face,
    journal_id INTEGER NOT NULL REFERENCES journal,
    carried_from INTEGER REFERENCES face
) STRICT;

CREATE TABLE tag (                    -- a name and a box as another program stored them; it counts while its
    tag_id     INTEGER PRIMARY KEY AUTOINCREMENT,         -- journal entry stands
    photo_id   INTEGER NOT NULL REFERENCES photo,
    source     TEXT NOT NULL,         -- picasa, xmp, digikam …
    name       TEXT,                  -- null: a box nobody named
    "left"     REAL, top REAL, "right" REAL, bottom REAL,   -- null: a name without a box
    word       TEXT NOT NULL DEFAULT 'said' CHECK (word IN ('said', 'guessed', 'ignored')),  -- guessed: by that program
    face_id    INTEGER REFERENCES face ON DELETE SET NULL,  -- the face it was found to mean
    journal_id INTEGER REFERENCES journal   -- null: it only said what the index knew already
) STRICT;
CREATE UNIQUE INDEX tag_once ON tag (photo_id, source, ifnull(name, ''), ifnull("left", -1), ifnull(top, -1),
                                     ifnull("right", -1), ifnull(bottom, -1));
CREATE INDEX tag_face ON tag (face_id);

------------------------------------------------------------------------------------ views: for you
--
-- They show what is there now: a removed root, a vanished file, a photo without any file left appear
-- in `files` alone, with their state. "Present" below means: on disk when last looked, in a root in use.

CREATE VIEW files AS                  -- every path known, with what became of it
SELECT file.file_id,
       rtrim(root.path, '/') || '/' || iif(folder.path = '', '', folder.path || '/') || file.name AS path,
       root.path AS root,
       file.kind,                     -- photo, other, special
       file.size,
       strftime('%Y-%m-%dT%H:%M:%SZ', file.mtime_ns / 1000000000, 'unixepoch') AS modified,
       iif(root.removed_at IS NOT NULL, 'removed', coalesce(file.gone, 'present')) AS state,
       coalesce(root.removed_at, file.gone_at) AS gone_at,
       iif(file.digest IS NULL, NULL, lower(hex(file.digest))) AS digest,   -- as sha256sum prints it
       photo.photo_id,
       file.device,
       file.inode
FROM file
JOIN folder USING (folder_id)
JOIN root USING (root_id)
LEFT JOIN photo ON photo.digest = file.digest;

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

CREATE VIEW appearances AS            -- who is on which picture: one row per person and picture
SELECT seen.person, photos.photo_id, photos.path, photos.taken_at, photos.year
FROM (SELECT DISTINCT person, photo_id
      FROM (SELECT person.name AS person, face.photo_id, face.face_id, face.backend      -- as a human said …
            FROM person
            JOIN label ON label.person_id = person.person_id
            JOIN face ON face.face_id = label.face_id
            UNION ALL
            SELECT person.name, face.photo_id, face.face_id, face.backend    -- … or the machine matched,
            FROM person                                                      -- where no human said
            JOIN cluster ON cluster.person_id = person.person_id
            JOIN face ON face.cluster_id = cluster.cluster_id
            WHERE NOT EXISTS (SELECT 1 FROM label WHERE label.face_id = face.face_id)) AS named
      WHERE backend = (SELECT value FROM setting WHERE name = 'backend')
        AND NOT EXISTS (SELECT 1 FROM ignored WHERE ignored.face_id = named.face_id)) AS seen
JOIN photos ON photos.photo_id = seen.photo_id;

CREATE VIEW people AS                 -- one row per name
SELECT person.person_id,
       person.name AS person,
       person.born,
       (SELECT count(*) FROM cluster JOIN average USING (cluster_id)
        WHERE cluster.person_id = person.person_id AND average.faces > 0
          AND cluster.backend = (SELECT value FROM setting WHERE name = 'backend')) AS clusters,
       coalesce(seen.photos, 0) AS photos,
       seen.first_seen,
       seen.last_seen
FROM person
LEFT JOIN (SELECT person, count(*) AS photos, min(taken_at) AS first_seen, max(taken_at) AS last_seen
           FROM appearances GROUP BY person) AS seen ON seen.person = person.name;

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

CREATE VIEW duplicates AS             -- every path of files with equal bytes; hard links are one file
WITH present AS (
    SELECT file.* FROM file JOIN folder USING (folder_id) JOIN root USING (root_id)
    WHERE file.gone IS NULL AND root.removed_at IS NULL AND file.digest IS NOT NULL AND file.size > 0
      AND (NOT file.stale            -- its bytes are to be read again: they may be others by now …
           OR EXISTS (SELECT 1 FROM problem   -- … but for those that were read and could not be examined
                      WHERE problem.file_id = file.file_id AND problem.stage = 'examine'))
)
SELECT lower(hex(same.digest)) AS digest, same.copies, same.size,
       (same.copies - 1) * same.size AS wasted,   -- bytes, over all the copies together
       files.path
FROM (SELECT digest, max(size) AS size, count(DISTINCT device || ':' || inode) AS copies
      FROM present GROUP BY digest HAVING copies > 1) AS same
JOIN present ON present.digest = same.digest
JOIN files ON files.file_id = present.file_id;

CREATE VIEW problems AS               -- what could not be handled, and whether it will be tried again
SELECT problem.problem_id,
       iif(file.file_id IS NULL AND folder.path = '', root.path,
           rtrim(root.path, '/') || iif(folder.path = '', '', '/' || folder.path)
           || coalesce('/' || file.name, '')) AS path,   -- a file, or a whole folder
       problem.stage, problem.kind, problem.message, problem.tries,
       iif(problem.retry, 'next run', 'given up') AS "next",
       problem.first_at, problem.last_at, problem.run_id
FROM problem
LEFT JOIN file ON file.file_id = problem.file_id
JOIN folder ON folder.folder_id = coalesce(file.folder_id, problem.folder_id)
JOIN root ON root.root_id = folder.root_id
WHERE root.removed_at IS NULL;

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

CREATE VIEW tags AS                   -- what other programs said, as imports that stand brought it in
SELECT tag.tag_id,
       tag.photo_id,
       (SELECT min(path) FROM files WHERE files.photo_id = tag.photo_id AND state = 'present') AS path,
       tag.source, tag.name,
       tag."left", tag.top, tag."right", tag.bottom,
       tag.word,                      -- said, guessed (by that program), ignored
       tag.face_id                    -- the face it was found to mean
FROM tag
JOIN photo ON photo.photo_id = tag.photo_id
LEFT JOIN journal ON journal.journal_id = tag.journal_id
WHERE journal.undone_at IS NULL
  AND EXISTS (SELECT 1 FROM file JOIN folder USING (folder_id) JOIN root USING (root_id)
              WHERE file.digest = photo.digest AND file.gone IS NULL AND root.removed_at IS NULL);

------------------------------------------------------------------------ views: for other programs
--
-- The names and columns that the faces extension of the viewer gThumb reads (docs/sql.md): it works on
-- this file as it is. Boxes are pixels of the upright picture; hash is what sha256sum prints.

CREATE VIEW file_paths AS             -- one row per present file that was read
SELECT rtrim(root.path, '/') || '/' || iif(folder.path = '', '', folder.path || '/') || file.name AS path,
       file.size,
       lower(hex(file.digest)) AS hash
FROM file
JOIN folder USING (folder_id)
JOIN root USING (root_id)
WHERE file.gone IS NULL AND root.removed_at IS NULL AND file.digest IS NOT NULL;

CREATE VIEW face_data AS              -- one row per face on present pictures, but for those in no group
SELECT CAST(round(face."left" * photo.width) AS INTEGER) AS "left",
       CAST(round(face.top * photo.height) AS INTEGER) AS top,
       CAST(round(face."right" * photo.width) AS INTEGER) AS "right",
       CAST(round(face.bottom * photo.height) AS INTEGER) AS bottom,
       NULL AS pickled,               -- there that program kept encodings; ours stand in `encoding`
       lower(hex(photo.digest)) AS hash,
       CASE WHEN label.face_id IS NULL OR (cluster.person_id = label.person_id AND NOT cluster.ignored)
            THEN face.cluster_id
            ELSE -label.person_id END AS grp,  -- of a face that a human named otherwise than its cluster: minus
                                               -- the person, so that it is found under its own name
       label.face_id IS NOT NULL AS inpic      -- 1: a human named this very face
FROM face
JOIN photo ON photo.photo_id = face.photo_id
LEFT JOIN label ON label.face_id = face.face_id
LEFT JOIN cluster ON cluster.cluster_id = face.cluster_id
WHERE +face.backend = (SELECT value FROM setting WHERE name = 'backend')   -- +: not what to find them by
  AND (label.face_id IS NOT NULL OR NOT cluster.ignored)
  AND face.face_id NOT IN (SELECT face_id FROM ignored)
  AND EXISTS (SELECT 1 FROM file
              WHERE file.digest = photo.digest AND file.gone IS NULL
                AND file.folder_id NOT IN (SELECT folder_id FROM folder JOIN root USING (root_id)
                                           WHERE root.removed_at IS NOT NULL));

CREATE VIEW face_groups AS            -- what those groups are called
SELECT cluster.cluster_id AS grp, NULL AS pickled, coalesce(person.name, '_unknown_') AS label
FROM cluster
LEFT JOIN person ON person.person_id = cluster.person_id
WHERE cluster.backend = (SELECT value FROM setting WHERE name = 'backend') AND NOT cluster.ignored
UNION ALL
SELECT -person.person_id, NULL, person.name
FROM person
WHERE EXISTS (SELECT 1 FROM label WHERE label.person_id = person.person_id);

CREATE VIEW face_labels AS            -- one row per name
SELECT name AS label FROM person;
