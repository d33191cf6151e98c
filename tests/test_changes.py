"""The pure decisions: what differs, what a loss means, which faces are in the same place."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from faceindex.models import Box, File
from faceindex.pipeline.changes import compare, is_below, lost_most, same_place
from faceindex.store.files import KnownFile
from faceindex.store.moves import Loss
from faceindex.store.paths import signed

NUMBERS = st.integers(0, 3)
BIG = st.sampled_from([0, 1, 2**63, 2**64 - 1])
FILES = st.builds(File, st.sampled_from("abcdef"), st.sampled_from(["photo", "other", "special"]), NUMBERS, NUMBERS,
                  NUMBERS, BIG, BIG)  # fmt: skip
FOLDERS = st.dictionaries(st.sampled_from("abcdef"), FILES).map(
    lambda files: {name: dataclasses.replace(file, name=name) for name, file in files.items()}
)
FRACTIONS = st.integers(0, 10).map(lambda n: n / 10)
BOXES = st.lists(
    st.builds(lambda left, top, width, height: Box(left, top, left + width + 0.1, top + height + 0.1),
              FRACTIONS, FRACTIONS, FRACTIONS, FRACTIONS),
    max_size=5,
)  # fmt: skip


def known_as(files: dict[str, File], gone: set[str]) -> dict[str, KnownFile]:
    """What the index knows once it has seen these files; file_ids count in the order of names."""
    return {
        name: KnownFile(number, f.kind, f.size, f.mtime_ns, f.ctime_ns, signed(f.device), signed(f.inode), False,
                        "vanished" if name in gone else None)
        for number, (name, f) in enumerate(sorted(files.items()))
    }  # fmt: skip


def anywhere(file: File) -> File:
    return dataclasses.replace(file, device=0, inode=0)


@given(FOLDERS)
def test_what_was_seen_again_is_no_change(files):
    changes = compare(files.values(), known_as(files, set()))
    assert not changes.to_write()
    assert changes.missing == []


@given(FOLDERS, FOLDERS, st.sets(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")))
def test_every_file_is_told_once(before, now, gone, excluded):
    now = {name: file for name, file in now.items() if name not in excluded}
    known = known_as(before, gone)
    changes = compare(now.values(), known, excluded)
    ids = {known[name].file_id: name for name in known}
    back = {ids[i] for i, _ in changes.returned}
    read = {ids[i] for i, _ in changes.changed}
    place = {ids[i] for i, _ in changes.relocated}
    missing, out = {ids[i] for i in changes.missing}, {ids[i] for i in changes.excluded}
    assert {file.name for file in changes.new} == now.keys() - before.keys()
    assert back == {name for name in now.keys() & before.keys() if name in gone}
    assert read == {n for n in now.keys() & before.keys() if anywhere(now[n]) != anywhere(before[n])}
    assert place == {n for n in now.keys() & before.keys() if now[n] != before[n]} - read - back
    assert missing | out == before.keys() - now.keys() - gone
    assert out == (missing | out) & excluded
    assert not missing & out


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 50))))
def test_a_disk_that_lost_more_than_half_is_found(numbers):
    losses = [Loss(device, known, min(lost, known)) for device, (known, lost) in enumerate(numbers)]
    found = lost_most(losses)
    assert (found is not None) == any(loss.lost > loss.known / 2 for loss in losses)


@given(st.lists(st.sampled_from("ab"), max_size=4), st.sets(st.lists(st.sampled_from("ab"), max_size=3).map("/".join)))
def test_a_folder_is_below_itself_and_those_above(parts, others):
    above = {"/".join(parts[:n]) for n in range(len(parts) + 1)}
    assert is_below("/".join(parts), others) == bool(above & others)


def test_a_name_that_begins_alike_is_not_below():
    assert not is_below("summer2", {"summer"})


@given(BOXES, BOXES)
def test_each_face_is_paired_at_most_once_and_the_best_pair_first(old, new):
    pairs = same_place(old, new, 0.5)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    assert all(old[i].iou(new[j]) >= 0.5 for i, j in pairs)
    best = max((a.iou(b) for a in old for b in new), default=0)
    assert (best >= 0.5) == bool(pairs)
    if pairs:
        assert old[pairs[0][0]].iou(new[pairs[0][1]]) == best


@given(BOXES)
def test_the_same_faces_are_in_the_same_place(boxes):
    distinct = list(dict.fromkeys(boxes))
    assert sorted(same_place(distinct, distinct, 0.5)) == [(n, n) for n in range(len(distinct))]
