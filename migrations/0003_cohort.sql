-- 0003: a cohort for the distance; faces that do not move an average; ignored clusters; people who are different.

CREATE TABLE cohort (                 -- faces of other people, by which a distance is judged (docs/matching.md)
    cohort_id  INTEGER PRIMARY KEY AUTOINCREMENT,
    backend    TEXT NOT NULL,
    clusters   INTEGER NOT NULL,      -- how many clusters the library had then
    weights_id INTEGER NOT NULL REFERENCES weights,
    common     REAL NOT NULL,         -- one in 100 pairs of different people is nearer than this …
    rare       REAL NOT NULL,         -- … and one in 1,000 nearer than this
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

ALTER TABLE face ADD COLUMN sharpness REAL;              -- of the face's chip; null: not measured
ALTER TABLE face ADD COLUMN counts INTEGER NOT NULL DEFAULT 1 CHECK (counts IN (0, 1));  -- 0: moves no average

ALTER TABLE cluster ADD COLUMN ignored INTEGER NOT NULL DEFAULT 0 CHECK (ignored IN (0, 1));

CREATE TABLE different (              -- a human says: these two clusters are different people
    one_id     INTEGER NOT NULL REFERENCES cluster,
    other_id   INTEGER NOT NULL REFERENCES cluster,
    journal_id INTEGER NOT NULL REFERENCES journal,
    PRIMARY KEY (one_id, other_id),
    CHECK (one_id < other_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX different_other ON different (other_id);
