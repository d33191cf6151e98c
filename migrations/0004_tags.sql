-- 0004: tags of other programs.

ALTER TABLE tag RENAME TO tag_old;
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
INSERT INTO tag (tag_id, photo_id, source, name, "left", top, "right", bottom, face_id, journal_id)
    SELECT tag_id, photo_id, source, name, "left", top, "right", bottom, face_id, journal_id FROM tag_old;
DROP TABLE tag_old;
CREATE UNIQUE INDEX tag_once ON tag (photo_id, source, ifnull(name, ''), ifnull("left", -1), ifnull(top, -1),
                                     ifnull("right", -1), ifnull(bottom, -1));
CREATE INDEX tag_face ON tag (face_id);

CREATE INDEX photo_hash ON photo (lower(hex(digest)));

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
