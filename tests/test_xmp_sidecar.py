"""A sidecar is brought up to date with what we say, and what others say in it stays as it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from tagged import canvases, rounded, tags
from xmp_texts import FOREIGN, THEIR_ANNA, area, face, listed, microsoft, mwg, packet

from faceindex.models import Box, Canvas, Tag
from faceindex.tags import NotTags, sidecar, xmltree, xmp

CANVAS = Canvas(4000, 3000)
ANNA = Tag("Anna", Box(0.2, 0.35, 0.4, 0.45))
BOB = Tag("Bob", Box(0.6, 0.6, 0.7, 0.7))
each_foreign = pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)


def canonical(content: bytes) -> bytes:
    """Canonical XML without the white space between elements."""
    root = etree.fromstring(content, etree.XMLParser(remove_blank_text=True))
    for node in root.iter():
        if not (node.text or "").strip() and len(node):
            node.text = None
        node.tail = None
    return etree.tostring(root, method="c14n2", strip_text=True)


def values(content: bytes, name: str) -> list[str]:
    rdf = xmltree.rdf_of(xmltree.parse(content))
    return [xmltree.text(one) for value in xmltree.every(rdf, name) for one in xmltree.members(value)]


def names(content: bytes, canvas: Canvas = CANVAS) -> list[str | None]:
    return [tag.name for tag in xmp.read(content, canvas).tags]


def merged(former: bytes | None, *said: Tag, canvas: Canvas = CANVAS) -> bytes:
    new = sidecar.merge(former, said, canvas)
    assert new is not None
    return new


def test_a_new_sidecar_has_everything_that_other_programs_look_for() -> None:
    new = merged(None, Tag("Anna/Bob|C", Box(0.1, 0.2, 0.3, 0.4)), Tag("Zoë", None), canvas=Canvas(3000, 4000, 6))
    assert values(new, "Iptc4xmpExt:PersonInImage") == values(new, "dc:subject") == ["Anna/Bob|C", "Zoë"]
    assert values(new, "digiKam:TagsList") == ["People/Anna\\Bob\\C", "People/Zoë"]
    assert values(new, "lr:hierarchicalSubject") == ["People|Anna\\Bob\\C", "People|Zoë"]
    text = new.decode()
    assert "<stDim:w>4000</stDim:w>" in text  # the size as stored
    assert all(side in text for side in ("<stArea:x>0.3<", "<stArea:y>0.8<", "<stArea:w>0.2<", "<stArea:h>0.2<"))
    assert "<MPReg:Rectangle>0.2, 0.7, 0.2, 0.2</MPReg:Rectangle>" in text


def test_nothing_to_say_is_no_sidecar() -> None:
    assert sidecar.write([], CANVAS) is sidecar.write([Tag(None, None)], CANVAS) is None
    assert sidecar.merge(merged(None, ANNA, BOB), [], CANVAS) is None


@given(some=tags(), more=tags(), canvas=canvases())
def test_a_sidecar_of_ours_becomes_what_it_would_be_new(
    some: tuple[Tag, ...], more: tuple[Tag, ...], canvas: Canvas
) -> None:
    first = sidecar.write(some, canvas)
    second = sidecar.merge(first, more, canvas)
    expected = sidecar.write(more, canvas)
    if second is None or expected is None:
        assert second is expected
    else:
        assert rounded(xmp.read(second, canvas).tags) == rounded(xmp.read(expected, canvas).tags)
        assert sorted(values(second, "faceindex:Written")) == sorted(values(expected, "faceindex:Written"))
        assert sidecar.merge(second, more, canvas) is second


@each_foreign
@settings(max_examples=25)
@given(some=tags(4), others=tags(4))
def test_what_is_not_ours_is_the_same_after_any_number_of_changes(
    content: str, some: tuple[Tag, ...], others: tuple[Tag, ...]
) -> None:
    former = packet(content)
    one = sidecar.merge(former, some, CANVAS)
    assert one is not None
    assert sidecar.merge(one, some, CANVAS) is one
    two = merged(one, *others)
    back = merged(two)
    assert canonical(back) == canonical(former)
    assert sidecar.merge(back, [], CANVAS) is back


@each_foreign
def test_our_people_are_read_beside_theirs(content: str) -> None:
    theirs = names(packet(content))
    new = merged(packet(content), ANNA, BOB)
    assert {"Anna", "Bob"} <= set(names(new))
    assert set(theirs) <= {*names(new), None}


def test_a_sidecar_that_says_it_already_is_left_alone_to_the_byte() -> None:
    said = mwg(THEIR_ANNA) + microsoft(("Anna", "0.2, 0.35, 0.2, 0.1")) + listed("dc:subject", "Anna")
    said += listed("Iptc4xmpExt:PersonInImage", "Anna") + listed("digiKam:TagsList", "People/Family/Anna", kind="Seq")
    former = packet(said + listed("lr:hierarchicalSubject", "Personen|Anna"))
    assert sidecar.merge(former, [ANNA], CANVAS) is former


def test_a_region_of_theirs_is_not_doubled_and_stays_when_we_say_nothing_any_more() -> None:
    former = packet(mwg(THEIR_ANNA))
    new = merged(former, ANNA)
    assert new.count(b"mwg-rs:Area") == former.count(b"mwg-rs:Area")
    assert b"MPReg:Rectangle" in new  # in that form nobody had said it
    assert canonical(merged(new)) == canonical(former)


def test_an_unnamed_region_of_theirs_stays_beside_ours() -> None:
    new = merged(packet(FOREIGN["nobody"]), ANNA)
    assert sorted(names(new), key=str) == ["Anna", None]


def test_a_region_of_ours_that_somebody_renamed_is_theirs() -> None:
    new = merged(None, ANNA).replace(b"<mwg-rs:Name>Anna<", b"<mwg-rs:Name>Hannah<")
    assert set(names(merged(new, BOB))) == {"Hannah", "Bob"}
    assert sidecar.merge(new, [], CANVAS) is not None
    assert names(merged(new)) == ["Hannah"]


def test_a_region_of_ours_to_which_somebody_added_is_theirs() -> None:
    added = b"<mwg-rs:Description>with a hat</mwg-rs:Description><mwg-rs:Type>Face<"
    new = merged(None, ANNA).replace(b"<mwg-rs:Type>Face<", added)
    assert names(merged(new)) == ["Anna"]
    assert b"with a hat" in merged(new)


def test_a_keyword_that_somebody_deleted_is_written_again_and_one_they_added_stays() -> None:
    new = merged(None, ANNA).replace(b"<rdf:li>People/Anna</rdf:li>", b"<rdf:li>Sea</rdf:li>", 1)
    assert values(merged(new, ANNA), "digiKam:TagsList") == ["Sea", "People/Anna"]
    assert values(merged(new), "digiKam:TagsList") == ["Sea"]


def test_the_size_is_said_anew_when_the_picture_is_another() -> None:
    cropped = merged(merged(None, ANNA), ANNA, canvas=Canvas(2000, 2000))
    assert rounded(xmp.read(cropped, Canvas(2000, 2000)).tags) == rounded((ANNA,))
    assert xmp.read(cropped, Canvas(2000, 2000)).notes == ()
    assert b"4000" not in cropped


def test_regions_of_a_picture_cropped_since_are_not_joined_by_ours() -> None:
    new = merged(packet(FOREIGN["a region before it was cropped"]), ANNA)
    assert new.count(b"mwg-rs:Name=") == 1
    assert names(new) == ["Anna"]  # by Microsoft's region, which has no size


def test_regions_for_the_upright_size_are_joined_by_upright_ones() -> None:
    canvas = Canvas(3000, 4000, 6)
    new = merged(packet(mwg(face("Carl", area(0.8, 0.2, 0.1, 0.1)), size=(3000, 4000))), ANNA, canvas=canvas)
    assert ("Anna", (0.2, 0.35, 0.4, 0.45)) in rounded(xmp.read(new, canvas).tags)
    assert len(xmp.read(new, canvas).tags) == 2


def test_prefixes_and_about_of_the_document_are_kept() -> None:
    former = packet(FOREIGN["keywords"]).replace(b"dc:", b"dublin:").replace(b":dc=", b":dublin=")
    former = former.replace(b'rdf:about=""', b'rdf:about="uuid:1"')
    new = merged(former, ANNA)
    assert values(new, "dc:subject") == ["Sea", "Holiday", "Anna"]
    assert new.count(b'rdf:about="uuid:1"') == 2
    assert b"<dc:subject" not in new


def test_what_stands_around_the_root_and_in_other_encodings_is_kept() -> None:
    text = packet(FOREIGN["keywords"]).decode().replace("Sea", "Zoë 😀")
    new = merged(f'<?xml version="1.0" encoding="UTF-16"?><!-- mine -->{text}'.encode("utf-16"), ANNA)
    assert values(new, "dc:subject") == ["Zoë 😀", "Holiday", "Anna"]
    assert b"<!-- mine -->" in new
    assert new.count(b"<?xpacket") == 2


def test_what_is_no_xmp_is_refused() -> None:
    for content in (b"", b"notes of mine", b"<html/>", b"<!DOCTYPE x><x/>", packet("")[:-40]):
        with pytest.raises(NotTags):
            sidecar.merge(content, [ANNA], CANVAS)


@pytest.mark.parametrize("name", ["a\0b", "a\x1bb", "a\ud800b", "a\ufffeb", "  ab\n"])
def test_what_xml_cannot_hold_is_left_out_of_a_name(name: str) -> None:
    assert names(merged(None, Tag(name, None))) == ["ab"]


@given(st.lists(st.text("abc: |./0,5", max_size=40), max_size=5), tags(3))
def test_a_hostile_list_of_what_is_ours_does_no_harm(lines: list[str], some: tuple[Tag, ...]) -> None:
    former = packet(listed("f:Written", *lines) + FOREIGN["a region"], 'xmlns:f="urn:faceindex:xmp#"')
    new = merged(former, *some)
    assert "Carl" in names(new)
    assert sidecar.merge(new, some, CANVAS) is new


@given(st.floats(0, 0.9), st.floats(0, 0.9), st.floats(0.01, 0.1), st.floats(0.01, 0.1), canvases())
def test_a_box_comes_back_to_a_millionth(left: float, top: float, width: float, height: float, canvas: Canvas) -> None:
    written = Box(left, top, left + width, top + height)
    box = xmp.read(merged(None, Tag("A", written), canvas=canvas), canvas).tags[0].box
    assert box is not None
    for side in ("left", "top", "right", "bottom"):
        assert getattr(box, side) == pytest.approx(getattr(written, side), abs=2e-6)


def test_a_real_sidecar_is_the_same_when_our_names_come_and_go(test_data) -> None:
    for path in sorted((test_data / "xmp").rglob("*.xmp")):
        former = path.read_bytes()
        back = merged(merged(former, ANNA, BOB), canvas=CANVAS)
        assert canonical(back) == canonical(former), path.name


def test_a_guess_is_read_by_others_as_a_name_and_by_us_as_a_guess():
    canvas = Canvas(4000, 3000)
    said, guess = Tag("Anna", Box(0.1, 0.1, 0.2, 0.3)), Tag("Ben", Box(0.5, 0.1, 0.6, 0.3), "guessed")
    written = sidecar.merge(None, [said, guess], canvas)
    assert written is not None
    assert written.count(b"<mwg-rs:Name>Ben</mwg-rs:Name>") == 1
    assert {tag.name: tag.word for tag in xmp.read(written, canvas).tags} == {"Anna": "said", "Ben": "guessed"}
    assert sidecar.merge(written, [said, guess], canvas) is written
    confirmed = sidecar.merge(written, [said, Tag("Ben", guess.box)], canvas)
    assert confirmed is not None
    assert {tag.word for tag in xmp.read(confirmed, canvas).tags} == {"said"}
    assert b"Guessed" not in confirmed
    assert sidecar.merge(written, [], canvas) is None


def test_a_much_larger_box_of_the_same_name_is_not_doubled():
    canvas = Canvas(4000, 3000)
    theirs = sidecar.merge(None, [Tag("Anna", Box(0.1, 0.1, 0.3, 0.4))], canvas)
    assert theirs is not None
    foreign = theirs.replace(b"faceindex:Written", b"faceindex:Else")
    assert sidecar.merge(foreign, [Tag("Anna", Box(0.16, 0.18, 0.24, 0.3))], canvas) == foreign
