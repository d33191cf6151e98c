"""Picasa's .picasa.ini and contacts.xml: everything it writes is read, and what we write it can read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from faceindex.models import Box, Canvas, Reading, Tag
from faceindex.tags import NotTags, contacts, ini, picasa

UPRIGHT = {"a.jpg": Canvas(400, 300)}
STEP = 1 / 65536
FACE = b"rect64(4000200080006000)"  # left 1/4, top 1/8, right 1/2, bottom 3/8
BOX = Box(0.25, 0.125, 0.5, 0.375)
ANNA = "8e62398ebda8c1a5"


def read(text: str | bytes, canvases: dict[str, Canvas] = UPRIGHT, known: dict[str, str] | None = None) -> Reading:
    """What a file says of a.jpg."""
    content = text.encode() if isinstance(text, str) else text
    return picasa.read(content, canvases, known or {}).get("a.jpg", Reading())


def file(faces: str, *rest: str) -> str:
    return "\r\n".join(["[a.jpg]", f"faces={faces}", "[Contacts2]", f"{ANNA}=Anna Smith;anna@example.org;", *rest, ""])


# --------------------------------------------------------------------------------------- reading


def test_a_face_has_a_name_a_box_and_the_id_it_is_told_apart_by() -> None:
    assert read(file(f"rect64(4000200080006000),{ANNA}")).tags == (Tag("Anna Smith", BOX, group=ANNA),)


@pytest.mark.parametrize(
    ("digits", "box"),
    [
        ("1e0d3f5", Box(0, 0, 0x1E0 / 65536, 0xD3F5 / 65536)),
        ("3f845bcb594", Box(0, 0x3F8 / 65536, 0x45BC / 65536, 0xB594 / 65536)),
        ("10001", Box(0, 0, 1 / 65536, 1 / 65536)),
        ("FFFE0000FFFFFFFF", Box(0xFFFE / 65536, 0, 0xFFFF / 65536, 0xFFFF / 65536)),
    ],
)
def test_zeros_that_picasa_left_out_stand_at_the_left(digits: str, box: Box) -> None:
    (tag,) = read(file(f"rect64({digits}),{ANNA}")).tags
    assert tag.box == box


@pytest.mark.parametrize(
    ("orientation", "box"),
    [
        (1, Box(0.25, 0.125, 0.5, 0.375)), (2, Box(0.5, 0.125, 0.75, 0.375)),
        (3, Box(0.5, 0.625, 0.75, 0.875)), (4, Box(0.25, 0.625, 0.5, 0.875)),
        (5, Box(0.125, 0.25, 0.375, 0.5)), (6, Box(0.625, 0.25, 0.875, 0.5)),
        (7, Box(0.625, 0.5, 0.875, 0.75)), (8, Box(0.125, 0.5, 0.375, 0.75)),
    ],
)  # fmt: skip
def test_a_box_lies_on_the_stored_picture_whatever_rotate_says(orientation: int, box: Box) -> None:
    text = file(f"rect64(4000200080006000),{ANNA}").replace("faces=", "rotate=rotate(3)\r\nfaces=")
    assert read(text, {"a.jpg": Canvas(300, 400, orientation)}).tags[0].box == box


def test_a_face_that_nobody_named_has_no_name() -> None:
    faces = "rect64(4000200080006000),ffffffffffffffff;rect64(4000200080006001),0;rect64(4000200080006002)"
    found = read(file(faces))
    assert [(tag.name, tag.group) for tag in found.tags] == [(None, "")] * 3
    assert found.notes == ()


def test_a_contact_that_nobody_names_is_told_and_keeps_its_id() -> None:
    found = read(file("rect64(4000200080006000),505fe59cabad947"))
    assert [(tag.name, tag.group) for tag in found.tags] == [(None, "0505fe59cabad947")]
    assert found.notes == ("a face is of contact 0505fe59cabad947, whom nothing names",)


def test_ids_of_15_and_16_digits_are_one() -> None:
    text = file("rect64(4000200080006000),505fe59cabad947", "0505FE59CABAD947=Gloria;;")
    assert read(text).tags[0].name == "Gloria"


def test_names_of_contacts_xml_go_before_those_of_the_folder() -> None:
    assert read(file(f"rect64(4000200080006000),{ANNA}"), known={ANNA: "Anna Jones"}).tags[0].name == "Anna Jones"


def test_the_newer_section_of_contacts_goes_before_the_older() -> None:
    old = f"[Contacts]\n{ANNA}=Anni\n505fe59cabad947=Gloria;g@example.org\n"
    text = file(f"rect64(4000200080006000),{ANNA};rect64(5000200080006000),505fe59cabad947") + old
    assert [tag.name for tag in read(text).tags] == ["Anna Smith", "Gloria"]


def test_an_account_of_the_older_section_is_no_name() -> None:
    text = f"[a.jpg]\nfaces=rect64(4000200080006000),{ANNA}\n[Contacts]\n{ANNA}=joedoe_lh,cb989580bc43a91\n"
    assert read(text).tags[0].name is None
    assert read(text, known={"0cb989580bc43a91": "Joe"}).tags[0].name == "Joe"


def test_two_names_for_one_contact_are_told_and_the_last_counts() -> None:
    found = picasa.read(file(f"rect64(4000200080006000),{ANNA}", f"{ANNA}=Ann;;").encode(), UPRIGHT, {})
    assert found["a.jpg"].tags[0].name == "Ann"
    assert found[""].notes == (f"contact {ANNA} is called both 'Anna Smith' and 'Ann'; the last one counts",)


def test_one_person_with_two_contacts_stays_two_groups() -> None:
    text = file(f"rect64(4000200080006000),{ANNA};rect64(5000200080006000),12", "12=Anna Smith;;")
    assert [(tag.name, tag.group) for tag in read(text).tags] == [
        ("Anna Smith", ANNA),
        ("Anna Smith", "0000000000000012"),
    ]


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\n\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_any_line_end_will_do_and_a_byte_order_mark_too(end: str, mark: bytes) -> None:
    text = file(f"rect64(4000200080006000),{ANNA}").replace("\r\n", end)
    assert [tag.name for tag in read(mark + text.encode()).tags] == ["Anna Smith"]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "latin-1"])
def test_names_and_files_of_older_versions_come_in_the_code_page_of_windows(encoding: str) -> None:
    text = file(f"rect64(4000200080006000),{ANNA}").replace("Anna Smith", "Zoë Müßig").replace("a.jpg", "Größe.jpg")
    found = picasa.read(text.encode(encoding), {"Größe.jpg": Canvas(4, 3)}, {})
    assert [tag.name for tag in found["Größe.jpg"].tags] == ["Zoë Müßig"]


def test_a_file_is_known_but_for_case_and_the_form_of_accents() -> None:
    text = "[ZOE\u0308.JPG]\nfaces=" + FACE.decode()
    assert set(picasa.read(text.encode(), {"zoë.jpg": Canvas(4, 3)}, {})) == {"zoë.jpg"}
    both = {"ZOE.JPG": Canvas(4, 3), "zoe.jpg": Canvas(4, 3)}
    assert set(picasa.read(b"[zoe.jpg]\nfaces=" + FACE, both, {})) == {"zoe.jpg"}


def test_a_file_name_may_hold_brackets_and_broken_bytes() -> None:
    canvases = {"a[1].jpg": Canvas(4, 3), "b\udcff.jpg": Canvas(4, 3)}
    text = b"[a[1].jpg]\nfaces=" + FACE + b"\n[b\xff.jpg]\nfaces=" + FACE
    assert set(picasa.read(text, canvases, {})) == set(canvases)


def test_a_picture_that_is_not_known_keeps_its_boxes_as_they_are_stored() -> None:
    found = picasa.read(file(f"rect64(4000200080006000),{ANNA}").encode(), {}, {})
    assert found["a.jpg"].tags == (Tag("Anna Smith", BOX, group=ANNA),)


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/passwd", "..", ".", "sub/a.jpg", "a\0.jpg"])
def test_a_section_is_never_a_path(name: str) -> None:
    found = picasa.read(f"[{name}]\nfaces=".encode() + FACE, UPRIGHT, {})
    assert set(found) == {""}
    assert "is no name of a file in its folder" in found[""].notes[0]


def test_sections_that_are_no_files_name_nobody() -> None:
    heads = ("Picasa", "encoding", ".album:00ff", "Contacts", "Contacts2")
    text = "".join(f"[{head}]\nfaces={FACE.decode()}\n" for head in heads)
    assert picasa.read(f"faces={FACE.decode()}\n[a.jpg\nfaces={FACE.decode()}\n{text}".encode(), UPRIGHT, {}) == {}


def test_two_sections_for_one_picture_are_one() -> None:
    text = file("rect64(4000200080006000),ffffffffffffffff") + file(f"rect64(4000200080006000),{ANNA}")
    assert [tag.name for tag in read(text).tags] == ["Anna Smith"]


def test_of_a_broken_line_what_is_whole_is_taken() -> None:
    found = read(f"[Contacts2]\n{ANNA}=Anna;;\n[a.jpg]\nfaces=rect64(4000200080006000),{ANNA};rect64(50002")
    assert [tag.name for tag in found.tags] == ["Anna"]
    assert found.notes == ("a face cannot be read: 'rect64(50002'",)


@pytest.mark.parametrize("digits", ["0", "8000200040006000", "4000600080002000", "4000200040006000"])
def test_a_box_without_area_is_told_and_left_out(digits: str) -> None:
    assert read(file(f"rect64({digits}),{ANNA}")) == Reading((), ("a face's box has no area",))


def test_a_picture_has_no_more_than_a_thousand_faces() -> None:
    found = read("[a.jpg]\nfaces=" + ";".join(f"rect64({n:04x}200080006000),{ANNA}" for n in range(1001)))
    assert len(found.tags) == 1000
    assert "only 1,000 of its 1,001 faces are taken" in found.notes


def test_spaces_capitals_and_the_order_of_settings_do_not_matter() -> None:
    text = f"[Contacts2]\n{ANNA} = Anna ;;\n [a.jpg] \nFaces= RECT64( 4000200080006000 ) , {ANNA.upper()} ;\n"
    assert [(tag.name, tag.box) for tag in read(text).tags] == [("Anna", BOX)]


def test_real_files_are_read(test_data: Path) -> None:
    folder = test_data / "picasa" / "lkarydas" / "test_pictures"
    found = picasa.read((folder / ".picasa.ini").read_bytes(), {}, {})
    assert {name: [tag.name for tag in reading.tags] for name, reading in found.items()} == {
        "modern_family_pic_1.jpg": ["Alex", "Luke", "Phil", "Claire", "Haley"],
        "modern_family_pic_2.jpg": ["Claire", "Luke", "Alex", "Haley", "Phil", None],
    }


@given(st.binary() | st.lists(st.sampled_from(
    [b"[a.jpg]", b"[Contacts2]", b"[Contacts]", b"\r\n", b"\n", b"faces=", FACE, b",", b";", b"=", b"[", b"]",
     ANNA.encode(), b"\xff", b"Anna", b"x_lh,12", b"\xef\xbb\xbf"]), max_size=30).map(b"".join))  # fmt: skip
def test_no_bytes_at_all_end_in_a_traceback(content: bytes) -> None:
    picasa.read(content, UPRIGHT, {})
    new = picasa.merge(content, {"a.jpg": [Tag("Ben", BOX)]}, UPRIGHT)
    assert new is not None
    assert picasa.merge(new, {"a.jpg": [Tag("Ben", BOX)]}, UPRIGHT) is new
    read_back = picasa.read(new, UPRIGHT, {})
    assert any(tag.name == "Ben" for tag in read_back["a.jpg"].tags)


# --------------------------------------------------------------------------------------- writing

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=40).filter(picasa.written)
edges = st.tuples(st.floats(0, 0.999), st.floats(0, 0.999), st.floats(0.001, 1), st.floats(0.001, 1))
boxes = edges.map(lambda e: Box(e[0], e[1], min(1.0, e[0] + e[2]), min(1.0, e[1] + e[3])))
said = st.builds(Tag, names, boxes, st.sampled_from(["said", "guessed"]))
filenames = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(ini.is_name)


def near(one: Tag, other: Tag) -> bool:
    """Whether two tags are one, but for what 16 bits can tell of a box."""
    if (one.name, one.word, one.group) != (other.name, other.word, other.group) or one.box is None or other.box is None:
        return False
    pairs = zip(_edges(one.box), _edges(other.box), strict=True)
    return all(abs(a - b) <= STEP for a, b in pairs)


def _edges(box: Box) -> tuple[float, ...]:
    return box.left, box.top, box.right, box.bottom


@given(filenames, st.lists(said, max_size=5), st.integers(1, 8))
@example("[x].jpg", [Tag("Anna; Ben\r\n", BOX), Tag('李小龍 👨‍👩‍👧 "O\'Neil" = [x]', BOX)], 6)
def test_what_is_written_is_read_back(name: str, tags: list[Tag], orientation: int) -> None:
    canvases = {name: Canvas(400, 300, orientation)}
    content = picasa.merge(None, {name: tags}, canvases)
    found = picasa.read(content or b"", canvases, {}).get(name, Reading())
    wanted = [Tag(picasa.kept(tag.name or ""), tag.box, tag.word) for tag in tags]
    assert found.notes == ()
    assert all(any(near(tag, other) for other in wanted) for tag in found.tags)
    assert all(any(near(tag, other) for other in found.tags) for tag in wanted)
    assert (content is None) == (not tags)


FOREIGN = (
    b"\xef\xbb\xbf[Picasa]\nname=F\xfcr Oma\n\n; a remark\r\n[b.jpg]\r\nstar=yes\r\n[a.jpg]\r\nrotate=rotate(1)\r\n"
    b"faces=rect64(4000200080006000),8e62398ebda8c1a5;rect64(1000100020002000),ffffffffffffffff\r\n\r\n"
    b"[Contacts2]\r\n8e62398ebda8c1a5=Anna;;\r\n\r\n[.album:1]\r\ntoken=1"
)


@pytest.mark.parametrize(
    "former", [FOREIGN, FOREIGN.replace(b"\r\n", b"\n"), FOREIGN + b"\r\n", b"[c.jpg]\nstar=yes\n"]
)
def test_what_others_wrote_stays_byte_by_byte(former: bytes) -> None:
    canvases = {"a.jpg": Canvas(4, 3), "b.jpg": Canvas(4, 3), "new.jpg": Canvas(4, 3, 8)}
    tags = {name: [Tag("Ben", Box(0.6, 0.6, 0.9, 0.9)), Tag("Zoë", BOX)] for name in canvases}
    full = picasa.merge(former, tags, canvases)
    assert full is not None
    assert picasa.merge(full, tags, canvases) is full
    ours = [line for line in full.splitlines() if b"face1d" in line]
    assert all(line in full for line in former.splitlines() if b"faces=" not in line)
    assert len(ours) == 3 + 2
    without = picasa.merge(full, dict.fromkeys(tags, ()), canvases)
    assert without is not None
    assert without.rstrip() == former.rstrip()


def test_new_lines_end_as_the_files_own_do() -> None:
    for end in (b"\n", b"\r\n", b"\r"):
        new = picasa.merge(b"[b.jpg]" + end + b"star=yes", {"a.jpg": [Tag("Ben", BOX)]}, UPRIGHT)
        assert new is not None
        assert {line.removeprefix(line.rstrip(b"\r\n")) for line in new.splitlines(keepends=True)} == {end}


pieces = st.sampled_from([
    b"[a.jpg]", b"[A.JPG]", b"[b.jpg]", b"[Contacts2]", b"[Contacts]", b"[encoding]", b"[", b"utf8=1", b"", b" ", b"x",
    b"star=yes", b"8e62398ebda8c1a5=Ben;;", b"faces=", b"faces=" + FACE, b"faces=x;y",
    b"faces=;" + FACE + b",8e62398ebda8c1a5;;",
])  # fmt: skip
lines = st.lists(st.tuples(pieces, st.sampled_from([b"\n", b"\r\n"])), max_size=12)


def meaning(content: bytes) -> list[tuple[bytes, ...]]:
    """Every line that says anything, in its section."""
    return [
        (row.section, *[part for part in row.raw.partition(b"=")[2].strip().split(b";") if part])
        if row.key == b"faces"
        else (row.section, row.raw)
        for row in ini.rows(content)
        if row.raw.strip() and not row.heads and row.raw.strip() not in (b"faces=", b"utf8=1")
    ]


@given(lines.map(lambda some: b"".join(text + end for text, end in some)), st.booleans())
def test_what_was_put_into_any_file_is_taken_out_again(former: bytes, new: bool) -> None:
    canvases = {"a.jpg": Canvas(4, 3), "n.jpg": Canvas(4, 3)}
    full = picasa.merge(former, {"n.jpg" if new else "a.jpg": [Tag("Zoë", Box(0.6, 0.6, 0.9, 0.9))]}, canvases)
    assert full is not None
    without = picasa.merge(full, dict.fromkeys(canvases, ()), canvases)
    assert meaning(without or b"") == meaning(former)


def test_what_changes_nothing_gives_the_very_file_back() -> None:
    assert picasa.merge(FOREIGN, {"a.jpg": ()}, UPRIGHT) is FOREIGN
    assert picasa.merge(FOREIGN, {}, {}) is FOREIGN
    assert picasa.merge(b"", {}, {}) == b""
    assert picasa.merge(None, {"a.jpg": ()}, UPRIGHT) is None


def test_nothing_of_a_file_that_was_all_ours_is_left() -> None:
    new = picasa.merge(None, {"a.jpg": [Tag("Zoë", BOX)]}, UPRIGHT)
    assert picasa.merge(new, {"a.jpg": ()}, UPRIGHT) is None


def test_a_face_that_picasa_knows_by_the_same_name_is_not_doubled() -> None:
    there = Box(0.3, 0.2, 0.4, 0.3)  # a detector's box is smaller than Picasa's
    assert there.iou(BOX) < 0.2
    assert picasa.merge(FOREIGN, {"a.jpg": [Tag("Anna", there)]}, UPRIGHT) is FOREIGN
    beside = picasa.merge(FOREIGN, {"a.jpg": [Tag("Anna", Box(0.5, 0.2, 0.7, 0.3))]}, UPRIGHT)
    assert beside is not None
    assert sorted(tag.name or "" for tag in read(beside).tags) == ["", "Anna", "Anna"]


def test_a_face_of_a_contact_that_only_picasa_can_name_is_not_doubled() -> None:
    former = FOREIGN.replace(b"8e62398ebda8c1a5=Anna;;", b"")
    assert picasa.merge(former, {"a.jpg": [Tag("Anna", BOX)]}, UPRIGHT) is former


def test_another_name_takes_the_place_of_the_one_we_wrote() -> None:
    first = picasa.merge(FOREIGN, {"a.jpg": [Tag("Ben", Box(0.6, 0.6, 0.9, 0.9))]}, UPRIGHT)
    second = picasa.merge(first, {"a.jpg": [Tag("Benjamin", Box(0.6, 0.6, 0.9, 0.9))]}, UPRIGHT)
    assert second is not None
    assert [tag.name for tag in read(second).tags] == ["Anna", None, "Benjamin"]
    assert b"=Ben;;" not in second


def test_what_we_wrote_beside_a_face_of_picasas_is_not_read_as_another() -> None:
    renamed = picasa.merge(FOREIGN, {"a.jpg": [Tag("Anne", Box(0.3, 0.2, 0.4, 0.3))]}, UPRIGHT)
    assert renamed is not None
    assert b"=Anne;;" in renamed
    assert [tag.name for tag in read(renamed).tags] == ["Anna", None]


def test_a_contact_of_ours_that_was_renamed_in_picasa_is_theirs_from_then_on() -> None:
    first = picasa.merge(None, {"a.jpg": [Tag("Ben", BOX)]}, UPRIGHT)
    assert first is not None
    theirs = first.replace(b"=Ben;;", b"=Benjamin;;")
    assert read(theirs).tags[0].name == "Benjamin"
    assert picasa.merge(theirs, {"a.jpg": [Tag("Ben", BOX)]}, UPRIGHT) is theirs
    assert picasa.merge(theirs, {"a.jpg": ()}, UPRIGHT) is theirs


def test_a_picture_that_is_not_spoken_of_is_left_alone() -> None:
    both = {"a.jpg": Canvas(4, 3), "b.jpg": Canvas(4, 3)}
    new = picasa.merge(None, {name: [Tag("Ben", BOX)] for name in both}, both)
    assert picasa.merge(new, {"a.jpg": [Tag("Ben", BOX)]}, UPRIGHT) is new


def test_a_name_with_a_line_end_gets_no_section() -> None:
    assert picasa.merge(None, {"a\n[b.jpg]": [Tag("Ben", BOX)]}, {"a\n[b.jpg]": Canvas(4, 3)}) is None


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_our_contact_ids_are_16_digits_and_never_nobody(name: str) -> None:
    for word in ("said", "guessed"):
        contact = picasa.contact_id(name, word)
        assert picasa.ID.fullmatch(contact.encode())
        assert len(contact) == 16
        assert contact not in picasa.NOBODY
        assert picasa.word_of(contact, name) == word


# ------------------------------------------------------------------------------------ contacts.xml

CONTACTS = """<?xml version="1.0" encoding="UTF-8"?>
<contacts>
 <contact id="8e62398ebda8c1a5" name="Anna &amp; Co" display="Anni" modified_time="2012-01-01T00:00:00+01:00"/>
 <contact id="505fe59cabad947" name="" display="Gloria" local_contact="1"/>
 <contact id="77" name=" "/>
 <contact id="12345678901234567" name="too long"/>
 <contact id="a1" name="Zoë"><subject user="joe_lh" id="cb989580bc43a91"/></contact>
</contacts>
"""


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16", "ISO-8859-1", "windows-1252"])
def test_contacts_are_read_by_id(encoding: str) -> None:
    assert contacts.read(CONTACTS.replace("UTF-8", encoding).encode(encoding)) == {
        ANNA: "Anna & Co",
        "0505fe59cabad947": "Gloria",
        "00000000000000a1": "Zoë",
        "0cb989580bc43a91": "Zoë",
    }


BOMB = (
    '<!DOCTYPE c [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><contacts><contact id="1" name="&b;"/></contacts>'
)
OUTSIDE = (
    '<!DOCTYPE c [<!ENTITY a SYSTEM "file:///etc/passwd">]><contacts><contact id="1" name="x">&a;</contact></contacts>'
)


@pytest.mark.parametrize("hostile", [BOMB, OUTSIDE, '<!DOCTYPE c SYSTEM "http://192.0.2.1/x.dtd"><contacts/>'])
def test_a_doctype_is_refused_before_anything_of_it_is_read(hostile: str) -> None:
    with pytest.raises(NotTags, match="DOCTYPE"):
        contacts.read(hostile.encode())


@given(st.binary() | st.sampled_from(["utf-7", "nonsense", "cp037"]).map(
    lambda encoding: f"<?xml version='1.0' encoding='{encoding}'?><contacts/>".encode()))  # fmt: skip
def test_no_bytes_as_contacts_end_in_a_traceback(content: bytes) -> None:
    try:
        contacts.read(content)
    except NotTags as error:
        assert "contacts.xml" in str(error) or "DOCTYPE" in str(error)  # noqa: PT017  (either is fine)
