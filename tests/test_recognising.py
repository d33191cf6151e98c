"""What the machine may and may not do with faces when it matches them, night after night."""

from __future__ import annotations

import sqlite3
import threading

import numpy as np
import pytest
from nights import BLUE, CYAN, GREEN, MAGENTA, RED, YELLOW

from faceindex import matching
from faceindex.pipeline import reading, recognising
from faceindex.store import averages, encodings, journal, people


def partition(home):
    return home.dump()["cluster"]


def test_a_person_named_once_is_known_from_then_on(home):
    home.photo("a.png", RED)
    home.scan()
    home.label(home.library / "a.png", "Anna")
    home.photo("b.png", RED, GREEN)
    assert home.scan().news["faces_named"] == 1
    assert home.faces(home.library / "b.png")[0][2:] == ("Anna", None)


def test_two_faces_of_one_photo_never_join_one_cluster(home):
    home.photo("twins.png", RED, RED, RED)
    home.photo("one.png", RED)
    home.scan()
    home.label(home.library / "one.png", "Anna")
    home.photo("mirror.png", RED, RED)
    home.scan()
    for path in ("twins.png", "mirror.png"):
        clusters = [cluster for _, cluster, *_ in home.faces(home.library / path)]
        assert len(set(clusters)) == len(clusters)
        assert [name for *_, name, _ in home.faces(home.library / path)].count("Anna") <= 1


def test_a_face_in_a_named_cluster_never_moves(home):
    for number in range(6):
        home.photo(f"{number}.png", RED, YELLOW)
    home.scan()
    home.label(home.library / "0.png", "Anna")
    before = home.rows("SELECT face_id, cluster_id FROM face ORDER BY 1")
    for number in range(6, 12):
        home.photo(f"{number}.png", (250, 60, 0), (250, 190, 0))  # between the two
        home.scan()
    after = dict(home.rows("SELECT face_id, cluster_id FROM face"))
    assert all(after[face] == cluster for face, cluster in before)


@pytest.mark.parametrize("of", ["person_id", "cluster_id"])
def test_a_rejected_pair_never_comes_back(home, of):
    home.photo("a.png", RED)
    home.photo("b.png", RED)
    home.scan()
    home.label(home.library / "a.png", "Anna")
    face, cluster, *_ = home.faces(home.library / "b.png")[0]
    ((person,),) = home.rows("SELECT person_id FROM cluster WHERE cluster_id = ?", cluster)
    with home.open() as db, journal.entry(db, "test", "not Anna") as entry:
        db.execute("DELETE FROM label WHERE face_id = ?", (face,))
        averages.assign(db, {face: None})
        db.execute(f"INSERT INTO rejection (face_id, {of}, journal_id) VALUES (?, ?, ?)",
                   (face, person if of == "person_id" else cluster, entry))  # fmt: skip
    for number in range(3):
        home.photo(f"more{number}.png", RED)
        home.scan()
        assert home.faces(home.library / "b.png")[0][1] not in (None, cluster)
        assert home.faces(home.library / "a.png")[0][1] == cluster


def test_an_ignored_face_stays_out(home):
    home.photo("a.png", RED)
    home.photo("b.png", GREEN)
    home.scan()
    face = home.faces(home.library / "a.png")[0][0]
    with home.open() as db, journal.entry(db, "test", "a stranger") as entry:
        averages.assign(db, {face: None})
        db.execute("INSERT INTO ignored (face_id, journal_id) VALUES (?, ?)", (face, entry))
    home.photo("c.png", RED)
    home.scan()
    assert home.faces(home.library / "a.png")[0][1] is None


def test_nights_cut_short_while_matching_come_to_the_same_clusters(home, monkeypatch):
    colours = [RED, GREEN, BLUE, YELLOW, CYAN, MAGENTA]
    for number in range(24):
        home.photo(f"{number}.png", colours[number % 6], colours[(number + 1) % 6])
    home.scan()
    whole = partition(home)
    home.index.rename(home.folder / "undisturbed.db")
    monkeypatch.setattr(recognising, "BATCH", 5)
    matched = 0

    class Interrupted(Exception):
        pass

    def interrupting(*args):
        nonlocal matched
        matched += 1
        if matched % 2 == 0:
            raise Interrupted
        return original(*args)

    original = encodings.save_matches
    monkeypatch.setattr(encodings, "save_matches", interrupting)
    for _ in range(40):
        try:
            home.scan()
        except Interrupted:
            continue
        break
    assert matched > 10
    assert partition(home) == whole


def test_clusters_do_not_depend_on_the_order_in_which_photos_were_read(home, monkeypatch):
    rng = np.random.default_rng(5)
    for number in range(30):
        home.photo(f"{number:02}.png", *(tuple(int(c) for c in rng.integers(0, 250, 3) | 128) for _ in range(2)))
    home.scan()
    forwards = partition(home)
    home.index.unlink()
    original = reading._pages
    monkeypatch.setattr(reading, "_pages", lambda *args: reversed(list(original(*args))))
    home.scan()
    assert partition(home) == forwards


def test_weights_are_versioned_and_computed_at_most_once_a_night(home, monkeypatch):
    monkeypatch.setattr(matching, "MIN_ENCODINGS", 4)
    monkeypatch.setattr(recognising, "BATCH", 1)
    home.photo("a.png", RED)
    home.scan()
    for number in range(6):
        home.photo(f"{number}.png", RED, GREEN)
    home.scan()
    assert home.rows("SELECT encodings FROM weights ORDER BY weights_id") == [(0,), (13,)]
    home.photo("b.png", RED)
    home.scan()
    assert home.rows("SELECT count(*) FROM weights") == [(2,)]
    assert home.rows("SELECT count(DISTINCT weights_id) FROM match") == [(2,)]


def test_a_human_may_name_and_merge_while_a_scan_reads_and_matches(home):
    """Every save of the scan is followed by a human's change through a connection of its own."""
    for number in range(40):
        home.photo(f"a{number:02}.png", RED, GREEN)
    home.scan()
    home.label(home.library / "a00.png", "Anna")
    for number in range(40):
        home.photo(f"b{number:02}.png", RED, BLUE)
    done, failures = threading.Event(), []

    def human():
        while not done.is_set():
            try:
                name_and_merge()
            except sqlite3.Error as error:
                failures.append(error)

    def name_and_merge():
        with home.open() as db, journal.entry(db, "test", "a human at work") as entry:
            clusters = [row[0] for row in db.execute("SELECT cluster_id FROM average WHERE faces > 0")]
            named = {row[0] for row in db.execute("SELECT cluster_id FROM cluster WHERE person_id IS NOT NULL")}
            people.label(db, entry, next(c for c in clusters if c in named), "Anna")
            loose = [c for c in clusters if c not in named]
            if len(loose) > 2:
                people.merge(db, entry, loose[0], loose[1:2])

    worker = threading.Thread(target=human)
    worker.start()
    try:
        home.scan()
    finally:
        done.set()
        worker.join()
    assert failures == []
    dump = home.dump()
    assert len(dump["face"]) == 160
    assert home.faces(home.library / "b39.png")[0][2] == "Anna"


def test_a_reader_that_holds_a_transaction_all_night_disturbs_nobody(home):
    home.photo("a.png", RED)
    home.scan()
    with home.open() as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM photo").fetchone()[0] == 1
        home.photo("b.png", GREEN)
        assert home.scan().news["photos_new"] == 1
        assert reader.execute("SELECT count(*) FROM photo").fetchone()[0] == 1
    assert len(home.dump()["photo"]) == 2


def test_the_more_clusters_there_are_the_fewer_faces_are_matched_under_one_lock():
    for clusters in (0, 1, 1000, 10**5, 10**6, 10**7):
        faces = recognising._batch(clusters)
        assert 500 <= faces <= recognising.BATCH
        assert faces == 500 or faces * clusters <= recognising.PAIRS
