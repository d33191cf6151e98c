"""The answers that commands print, as rows with plain keys."""

from __future__ import annotations

import sqlite3
from typing import Any

Row = dict[str, Any]

# The tables of rows that need no parameters: what a command lists, and the question it answers.
CLUSTERS = """
    SELECT cluster_id AS cluster, coalesce(person, '') AS person, photos, faces, coalesce(run_id, 0) AS run
    FROM clusters
    WHERE photos >= :least AND (:which = 'all' OR (person IS NULL) = (:which = 'unnamed'))
    ORDER BY person IS NOT NULL, photos DESC, faces DESC, cluster_id LIMIT :limit"""

IGNORED = """
    SELECT cluster.cluster_id AS cluster, '' AS person, count(DISTINCT face.photo_id) AS photos, count(*) AS faces,
           coalesce(cluster.run_id, 0) AS run
    FROM cluster JOIN face ON face.cluster_id = cluster.cluster_id
    WHERE cluster.ignored AND cluster.backend = (SELECT value FROM setting WHERE name = 'backend')
      AND face.photo_id IN (SELECT photo_id FROM photos)
    GROUP BY cluster.cluster_id HAVING photos >= :least
    ORDER BY photos DESC, faces DESC, cluster.cluster_id LIMIT :limit"""

PEOPLE = "SELECT person, photos, clusters, born, first_seen, last_seen FROM people ORDER BY photos DESC, person"

PROBLEMS = 'SELECT problem_id AS problem, kind, "next", tries, path, message FROM problems ORDER BY path, problem_id'

DUPLICATES = "SELECT digest, copies, size, wasted, path FROM duplicates ORDER BY wasted DESC, digest, path"

WEIGHTS = """
    SELECT weights_id AS weights, backend, encodings, weights.run_id AS run, started_at
    FROM weights JOIN run ON run.run_id = weights.run_id ORDER BY weights_id DESC LIMIT :limit"""


def rows(db: sqlite3.Connection, query: str, **parameters: Any) -> list[Row]:
    """Answers to one of the queries above."""
    return [dict(row) for row in db.execute(query, parameters)]


def status(db: sqlite3.Connection, backend: str) -> Row:
    """The whole index in one row of plain numbers; but for `vanished`, of what is there now."""
    row = db.execute(
        """WITH hidden AS MATERIALIZED (SELECT photo_id FROM photo EXCEPT SELECT photo_id FROM photos),
                seen AS MATERIALIZED (
                    SELECT total(gone IS NULL) AS files, total(gone = 'vanished') AS vanished,
                           total(stale AND gone IS NULL AND NOT EXISTS (
                               SELECT 1 FROM problem WHERE problem.file_id = file.file_id AND NOT retry)) AS unread
                    FROM file JOIN folder USING (folder_id) JOIN root USING (root_id) WHERE removed_at IS NULL),
                visible AS MATERIALIZED (
                    SELECT count(*) AS faces, count(coalesce(label.person_id, cluster.person_id)) AS named
                    FROM face LEFT JOIN label USING (face_id)
                    LEFT JOIN cluster ON cluster.cluster_id = face.cluster_id
                    WHERE face.backend = :backend AND face.photo_id NOT IN hidden)
           SELECT (SELECT count(*) FROM root WHERE removed_at IS NULL) AS roots,
                  CAST(seen.files AS INTEGER) AS files, CAST(seen.vanished AS INTEGER) AS vanished,
                  (SELECT count(*) FROM photo) - (SELECT count(*) FROM hidden) AS photos,
                  visible.faces, visible.named,
                  (SELECT count(*) FROM person) AS people,
                  (SELECT count(*) FROM cluster JOIN average USING (cluster_id)
                   WHERE person_id IS NULL AND NOT ignored AND cluster.backend = :backend) AS unnamed_clusters,
                  CAST(seen.unread AS INTEGER) AS unread,
                  (SELECT count(*) FROM problems) AS problems
           FROM seen, visible""",
        {"backend": backend},
    ).fetchone()
    return dict(row)


def last_run(db: sqlite3.Connection) -> Row | None:
    """The newest run, as the view `runs` shows it."""
    row = db.execute("SELECT * FROM runs ORDER BY run_id DESC LIMIT 1").fetchone()
    return dict(row) if row else None


def members(db: sqlite3.Connection, cluster_id: int, limit: int = -1) -> list[Row]:
    """The faces of a cluster, nearest to the average first."""
    return rows(
        db,
        """SELECT face.face_id AS face, files.path, files.root, distance, named_by,
                  face."left", face.top, face."right", face.bottom, files.file_id
           FROM faces AS face
           JOIN files ON files.file_id = (
               SELECT min(f.file_id) FROM files AS f WHERE f.photo_id = face.photo_id AND f.state = 'present')
           WHERE face.cluster_id = :cluster
           ORDER BY coalesce(distance, 0), face.face_id LIMIT :limit""",
        cluster=cluster_id,
        limit=limit,
    )


def on_photo(db: sqlite3.Connection, photo_id: int) -> list[Row]:
    """The faces on a photo, from left to right; also on one whose files are gone at the moment."""
    return rows(
        db,
        """SELECT face.face_id AS face, coalesce(person.name, '') AS person, face.cluster_id AS cluster,
                  CASE WHEN ignored.face_id IS NOT NULL THEN 'ignored'
                       WHEN label.source IS NOT NULL THEN label.source
                       WHEN cluster.ignored THEN 'ignored'
                       WHEN person.name IS NOT NULL THEN 'match' END AS named_by,
                  match.distance, match.runner_up_distance AS runner_up, face.detector, face.score,
                  face."left", face.top, face."right", face.bottom
           FROM face LEFT JOIN label USING (face_id) LEFT JOIN ignored USING (face_id) LEFT JOIN match USING (face_id)
           LEFT JOIN cluster ON cluster.cluster_id = face.cluster_id
           LEFT JOIN person ON person.person_id = coalesce(label.person_id, cluster.person_id)
           WHERE face.photo_id = :photo AND face.backend = (SELECT value FROM setting WHERE name = 'backend')
           ORDER BY face."left", face.top""",
        photo=photo_id,
    )


def recognised(db: sqlite3.Connection, run_id: int) -> list[Row]:
    """Who this run recognised, on how many pictures."""
    return rows(
        db,
        """SELECT person.name AS person, count(DISTINCT face.photo_id) AS photos
           FROM match JOIN face USING (face_id)
           JOIN cluster ON cluster.cluster_id = face.cluster_id JOIN person USING (person_id)
           WHERE match.run_id = :run_id AND NOT match.founded
           GROUP BY person.person_id ORDER BY photos DESC, person.name""",
        run_id=run_id,
    )


def worth_a_name(db: sqlite3.Connection, run_id: int, least: int = 3, limit: int = 10) -> list[Row]:
    """Unnamed clusters that this run made or added to, on at least so many pictures."""
    return rows(
        db,
        """SELECT face.cluster_id AS cluster, count(DISTINCT face.photo_id) AS photos,
                  sum(match.run_id = :run_id) AS new
           FROM face JOIN cluster ON cluster.cluster_id = face.cluster_id JOIN match ON match.face_id = face.face_id
           WHERE cluster.person_id IS NULL AND NOT cluster.ignored AND face.cluster_id IN (
               SELECT joined.cluster_id FROM match AS latest JOIN face AS joined USING (face_id)
               WHERE latest.run_id = :run_id)
           GROUP BY face.cluster_id HAVING photos >= :least AND new > 0
           ORDER BY photos DESC, face.cluster_id LIMIT :limit""",
        run_id=run_id,
        least=least,
        limit=limit,
    )


def troubles_of(db: sqlite3.Connection, run_id: int) -> list[Row]:
    """What this run met for the first time and could not handle."""
    return rows(
        db,
        """SELECT path, kind, message FROM problems
           WHERE run_id = :run_id AND tries = 1 ORDER BY path LIMIT 1000""",
        run_id=run_id,
    )
