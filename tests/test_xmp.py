"""Faces and people are read from XMP however it is spelt, where they lie, and nothing in it does any harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tagged import ORIENTATIONS, boxes
from xmp_texts import SPACES, area, face, listed, microsoft, mwg, packet

from faceindex.image.turns import stored_box
from faceindex.models import Box, Canvas
from faceindex.tags import NotTags, packets, xmltree, xmp

CANVAS = Canvas(4000, 3000)
ANNA = face("Anna", area(0.3, 0.4, 0.2, 0.1))
HERE = Box(0.2, 0.35, 0.4, 0.45)


def read(content: str, canvas: Canvas = CANVAS) -> list[tuple[str | None, Box | None]]:
    return pairs(packet(content), canvas)


def pairs(content: bytes, canvas: Canvas = CANVAS) -> list[tuple[str | None, Box | None]]:
    return [(tag.name, near(tag.box)) for tag in xmp.read(content, canvas).tags]


def near(box: Box | None) -> Box | None:
    return Box(*(round(side, 6) for side in (box.left, box.top, box.right, box.bottom))) if box else None


def notes(content: str, canvas: Canvas = CANVAS) -> tuple[str, ...]:
    return xmp.read(packet(content), canvas).notes


SPELLINGS = {
    "attributes": ANNA,
    "resource": """<rdf:li rdf:parseType="Resource"><mwg-rs:Name>Anna</mwg-rs:Name><mwg-rs:Type>Face</mwg-rs:Type>
        <mwg-rs:Area rdf:parseType="Resource"><stArea:x>0.3</stArea:x><stArea:y>0.4</stArea:y><stArea:w>0.2</stArea:w>
        <stArea:h>0.1</stArea:h><stArea:unit>normalized</stArea:unit></mwg-rs:Area></rdf:li>""",
    "nested": """<rdf:li><rdf:Description><mwg-rs:Name>Anna</mwg-rs:Name><mwg-rs:Type>Face</mwg-rs:Type><mwg-rs:Area>
        <rdf:Description stArea:x="0.3" stArea:y="0.4"><stArea:w>0.2</stArea:w><stArea:h>0.1</stArea:h>
        </rdf:Description></mwg-rs:Area></rdf:Description></rdf:li>""",
    "shorthand": f'<rdf:li mwg-rs:Name="Anna" mwg-rs:Type="Face">{area(0.3, 0.4, 0.2, 0.1)}</rdf:li>',
    "value": """<rdf:li rdf:parseType="Resource"><mwg-rs:Name rdf:parseType="Resource"><rdf:value>Anna</rdf:value>
        </mwg-rs:Name><mwg-rs:Area stArea:x="0.3" stArea:y="0.4" stArea:w="0.2" stArea:h="0.1"/></rdf:li>""",
    "comments": """<rdf:li rdf:parseType="Resource"><!-- a --><mwg-rs:Name>An<!-- b -->na</mwg-rs:Name><?c d?>
        <mwg-rs:Area stArea:x="0.3" stArea:y="0.4" stArea:w="0.2" stArea:h="0.1"><!-- e --></mwg-rs:Area></rdf:li>""",
    "comma": face("Anna", area("0,3", "0,4", "0,2", "0,1")),
    "pixels": face("Anna", area(1200, 1200, 800, 300, "pixel")),
    "no type": face("Anna", area(0.3, 0.4, 0.2, 0.1), None),
    "CDATA": """<rdf:li rdf:parseType="Resource"><mwg-rs:Name><![CDATA[ Anna ]]></mwg-rs:Name>
        <mwg-rs:Area stArea:x="0.3" stArea:y="0.4" stArea:w="0.2" stArea:h="0.1"/></rdf:li>""",
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_region_is_read_however_rdf_spells_it(spelling: str) -> None:
    assert read(mwg(spelling)) == [("Anna", HERE)]


@pytest.mark.parametrize("kind", ["Bag", "Seq", "Alt"])
def test_any_kind_of_list_holds_regions(kind: str) -> None:
    assert read(mwg(ANNA).replace("rdf:Bag", f"rdf:{kind}")) == [("Anna", HERE)]


def test_prefixes_mean_nothing_and_properties_may_stand_in_several_descriptions() -> None:
    text = packet(mwg(ANNA) + "</rdf:Description><rdf:Description>" + listed("Iptc4xmpExt:PersonInImage", "Bob"))
    text = text.replace(b"<rdf:Description>", f"<rdf:Description {SPACES}>".encode(), 1)
    text = text.replace(b"mwg-rs:", b"r:").replace(b"xmlns:mwg-rs", b"xmlns:r").replace(b"rdf:", b"n:")
    text = text.replace(b"xmlns:rdf", b"xmlns:n").replace(b"stArea:", b"a:").replace(b"xmlns:stArea", b"xmlns:a")
    assert pairs(text) == [("Anna", HERE), ("Bob", None)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_every_encoding_of_xml_is_read(encoding: str) -> None:
    text = packet(mwg(ANNA.replace("Anna", "Zoë 😀"))).decode()
    assert pairs(text.encode(encoding)) == [("Zoë 😀", HERE)]
    body = text[text.index("<x:xmpmeta") : text.index("<?xpacket end")]
    assert pairs(f'<?xml version="1.0" encoding="UTF-16"?>{body}'.encode(encoding)) == [("Zoë 😀", HERE)]


def test_a_packet_without_a_frame_or_with_padding_is_read() -> None:
    text = packet(mwg(ANNA))
    rdf = text[text.index(b"<rdf:RDF") : text.index(b"</x:xmpmeta")]
    assert pairs(rdf) == pairs(text + b"\n" * 50 + b"\0" * 3) == [("Anna", HERE)]
    assert xmp.read(b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>', CANVAS).tags == ()


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@given(place=boxes())
def test_regions_lie_in_the_file_as_it_is_stored(orientation: int, place: Box) -> None:
    canvas = Canvas(3000, 4000, orientation)
    stored = stored_box(place, orientation)
    x, y = (stored.left + stored.right) / 2, (stored.top + stored.bottom) / 2
    centred = mwg(face("A", area(x, y, stored.width, stored.height)), size=xmp.stored_size(canvas))
    assert read(centred, canvas) == [("A", near(place))]
    cornered = microsoft(("A", f"{stored.left}, {stored.top}, {stored.width}, {stored.height}"))
    assert read(cornered, canvas) == [("A", near(place))]


def test_regions_for_the_upright_size_of_a_turned_picture_are_upright_too() -> None:
    assert read(mwg(ANNA, size=(3000, 4000)), Canvas(3000, 4000, 6)) == [("Anna", HERE)]


@pytest.mark.parametrize("size", [(8000, 6000), (400, 300), (401, 300), (4000, 3010), (160, 120), (1, 1)])
def test_regions_of_a_resized_picture_stay_fractions(size: tuple[int, int]) -> None:
    canvas = Canvas(1, 1) if size == (1, 1) else CANVAS
    assert read(mwg(ANNA, size=size), canvas) == [("Anna", HERE)]


@pytest.mark.parametrize(
    ("size", "how"), [((2000, 2000), "cropped"), ((3000, 4000), "turned"), ((4000, 2000), "cropped")]
)
def test_regions_of_a_picture_cropped_or_turned_since_are_refused_with_a_note(size: tuple[int, int], how: str) -> None:
    assert read(mwg(ANNA, size=size)) == []
    assert notes(mwg(ANNA, size=size)) == (
        f"its regions are for a picture of {size[0]} x {size[1]}, and it has 4000 x 3000 now: "
        f"{how} since, so they were not taken",
    )


def test_what_was_cropped_is_not_taken_by_its_microsoft_twin_either() -> None:
    twin = microsoft(("Anna", "0.2, 0.35, 0.2, 0.1"), ("Bob", "0.7, 0.7, 0.1, 0.1"))
    assert read(mwg(ANNA, size=(2000, 2000)) + twin) == [("Bob", Box(0.7, 0.7, 0.8, 0.8))]
    assert read(mwg(ANNA, size=(2000, 2000)) + twin + listed("Iptc4xmpExt:PersonInImage", "Anna"))[1] == ("Anna", None)


@pytest.mark.parametrize("kind", ["Pet", "BarCode", "Focus", "Landmark"])
def test_what_is_no_face_is_no_tag(kind: str) -> None:
    assert xmp.read(packet(mwg(face("Rex", area(0.5, 0.5, 0.1, 0.1), kind), size=(1, 9))), CANVAS) == xmp.Reading()


@pytest.mark.parametrize("name", [None, "", "  \n"])
def test_a_region_without_a_name_is_nobody_not_somebody_called_nothing(name: str | None) -> None:
    assert read(mwg(face(name, area(0.3, 0.4, 0.2, 0.1)))) == [(None, HERE)]
    assert read(microsoft((name, "0.2, 0.35, 0.2, 0.1"))) == [(None, HERE)]


def test_both_kinds_of_region_of_one_face_are_one_tag() -> None:
    twin = "0.21, 0.35, 0.2, 0.1"
    assert read(mwg(ANNA) + microsoft(("Anna", twin))) == [("Anna", HERE)]
    assert read(mwg(face(None, area(0.3, 0.4, 0.2, 0.1))) + microsoft(("Anna", twin))) == [("Anna", HERE)]
    assert read(mwg(ANNA) + microsoft((None, twin))) == [("Anna", HERE)]
    assert read(mwg(ANNA) + microsoft(("Bob", "0.2, 0.35, 0.2, 0.1"))) == [("Anna", HERE), ("Bob", HERE)]


def test_two_of_one_name_side_by_side_stay_two() -> None:
    two = mwg(ANNA, face("Anna", area(0.7, 0.4, 0.2, 0.1)))
    twins = microsoft(("Anna", "0.6, 0.35, 0.2, 0.1"), ("Anna", "0.2, 0.35, 0.2, 0.1"))
    assert len(read(two + twins)) == 2


def test_a_microsoft_region_may_be_upright_where_its_twin_says_so() -> None:
    canvas = Canvas(840, 700, 6)
    stored = mwg(face("Marie", area(0.307857, 0.631548, 0.198571, 0.113095)), size=(700, 840))
    assert len(read(stored + microsoft(("Marie", "0.311905, 0.208571, 0.113095, 0.198571")), canvas)) == 1


def test_somebody_whom_windows_names_without_a_place_is_a_tag_without_a_box() -> None:
    assert read(microsoft(("Anna", None), ("Bob", "0,0,0,0"), (None, None))) == [("Anna", None), ("Bob", None)]
    assert notes(microsoft(("Anna", None), ("Bob", "0,0,0,0"), (None, None))) == ()


ODD = {
    "0.5, 0.5, 0, 0.1": "is empty",
    "0.5, 0.5, -0.1, 0.1": "is empty",
    "2, 2, 0.1, 0.1": "lies outside the picture",
    "-0.2, 0.1, 0.2, 0.1": "lies outside the picture",
    "0, 0, 8, 8": "is larger than the picture",
    "1e999, 0, 1, 1": "has no proper numbers",
    "nan, 0, 1, 1": "has no proper numbers",
    "a, b, c, d": "has no proper numbers",
    "0.1, 0.1, 0.1": "has no proper numbers",
}


@pytest.mark.parametrize(("rectangle", "why"), ODD.items())
def test_a_box_that_makes_no_sense_is_noted_and_the_name_kept(rectangle: str, why: str) -> None:
    assert read(microsoft(("Anna", rectangle), (None, rectangle))) == [("Anna", None)]
    assert notes(microsoft(("Anna", rectangle), (None, rectangle))) == (
        f"its region of Anna {why}, and was not taken",
        f"a region without a name {why}, and was not taken",
    )


def test_a_box_that_reaches_beyond_the_picture_is_clipped() -> None:
    assert read(microsoft(("Anna", "-0.1, 0.8, 0.3, 0.5"))) == [("Anna", Box(0, 0.8, 0.2, 1))]


def test_a_region_of_the_whole_picture_and_nobody_says_nothing() -> None:
    assert read(mwg(face(None, area(0.5, 0.5, 1, 1)))) == []
    assert read(mwg(face("Anna", area(0.5, 0.5, 1, 1)))) == [("Anna", Box(0, 0, 1, 1))]


def test_a_circle_is_as_wide_as_its_diameter_of_the_shorter_side() -> None:
    circle = '<mwg-rs:Area stArea:x="0.5" stArea:y="0.5" stArea:d="0.4" stArea:unit="normalized"/>'
    assert read(mwg(face("Anna", circle))) == [("Anna", Box(0.35, 0.3, 0.65, 0.7))]


def test_acdsee_regions_are_read_but_for_those_a_human_denied() -> None:
    text = "".join(
        f"""<rdf:li><rdf:Description acdsee-rs:Type="Face" acdsee-rs:Name="{name}" acdsee-rs:NameAssignType="{how}">
        <acdsee-rs:DLYArea acdsee-stArea:x="0.3" acdsee-stArea:y="{y}" acdsee-stArea:w="0.2" acdsee-stArea:h="0.1"/>
        </rdf:Description></rdf:li>"""
        for name, how, y in (("Anna", "manual", 0.4), ("Bob", "denied", 0.8))
    )
    text = f"""<acdsee-rs:Regions rdf:parseType="Resource"><acdsee-rs:RegionList><rdf:Bag>{text}</rdf:Bag>
        </acdsee-rs:RegionList></acdsee-rs:Regions>"""
    assert read(text) == read(text + mwg(ANNA)) == [("Anna", HERE)]


def test_people_are_read_from_what_is_for_people_and_flat_keywords_say_nothing() -> None:
    text = (
        listed("dc:subject", "Sea", "Anna", "Bob")
        + listed("Iptc4xmpExt:PersonInImage", "Anna", " ", "Zoë")
        + listed("digiKam:TagsList", "People/Bob", "Places/Rome", "Sea", "People", kind="Seq")
        + listed("lr:hierarchicalSubject", "Personen|Familie", "Personen|Familie|Carl", "Sea|Black Sea")
    )
    assert read(text) == [("Anna", None), ("Zoë", None), ("Bob", None), ("Carl", None)]


def test_a_name_that_a_region_bears_is_not_given_twice() -> None:
    keywords = listed("Iptc4xmpExt:PersonInImage", "Anna") + listed("lr:hierarchicalSubject", "People|Anna", "People|B")
    assert read(mwg(ANNA) + keywords) == [("Anna", HERE), ("B", None)]


def test_a_name_with_a_separator_is_known_again_in_its_keyword() -> None:
    region = mwg(face("Anna/Bob", area(0.3, 0.4, 0.2, 0.1)))
    assert read(region + listed("digiKam:TagsList", "People/Anna\\Bob")) == [("Anna/Bob", HERE)]


def test_digikams_tags_for_nobody_are_nobody() -> None:
    assert read(listed("digiKam:TagsList", "People/Unknown", "People/Ignored", "People/Unconfirmed")) == []


def test_keywords_as_a_tree_are_read_and_a_bottomless_one_ends() -> None:
    leaf = '<rdf:li rdf:parseType="Resource"><mwg-kw:Keyword>Anna</mwg-kw:Keyword></rdf:li>'
    tree = f"""<mwg-kw:Keywords rdf:parseType="Resource"><mwg-kw:Hierarchy><rdf:Bag><rdf:li rdf:parseType="Resource">
        <mwg-kw:Keyword>People</mwg-kw:Keyword><mwg-kw:Children><rdf:Bag>{leaf}</rdf:Bag></mwg-kw:Children></rdf:li>
        </rdf:Bag></mwg-kw:Hierarchy></mwg-kw:Keywords>"""
    assert read(tree) == [("Anna", None)]
    for _ in range(40):
        leaf = f"""<rdf:li rdf:parseType="Resource"><mwg-kw:Keyword>k</mwg-kw:Keyword><mwg-kw:Children><rdf:Bag>
            {leaf}</rdf:Bag></mwg-kw:Children></rdf:li>"""
    assert read(tree.replace("Anna", "Bob") + listed("dc:subject", leaf)) == [("Bob", None)]


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
)  # fmt: skip
HOSTILE = {
    "bomb": f"{BOMB}]><x>&j;</x>",
    "in an attribute": f'{BOMB}]><x a="&j;"/>',
    "external entity": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    "parameter entity": '<!DOCTYPE x [<!ENTITY % e SYSTEM "http://localhost:1/e">%e;]><x/>',
    "external DTD": '<!DOCTYPE x SYSTEM "file:///dev/zero"><x/>',
    "undeclared entity": "<x>&e;</x>",
    "depth": "<x>" * 5000,
    "closed depth": "<x>" * 5000 + "</x>" * 5000,
    "nothing": "",
    "no XML": "faces=rect64(3f845bcb59418507)",
    "another XML": "<html/>",
    "cut off": packet(mwg(ANNA)).decode()[:-60],
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_xml_is_refused_before_anything_is_expanded(text: str, encoding: str) -> None:
    with pytest.raises(NotTags):
        xmp.read(text.encode(encoding), CANVAS)


def test_broken_encodings_and_absurd_sizes_are_refused() -> None:
    many = packet("<dc:a/>" * xmltree.MAX_ELEMENTS)
    broken = packet(mwg(ANNA)).replace(b"Anna", b"Ann\xff")
    for content in (broken, b"\xff\xfe<\0x", b" " * (xmltree.MAX_BYTES + 1), many):
        with pytest.raises(NotTags):
            xmp.read(content, CANVAS)


def test_a_packet_with_thousands_of_regions_is_cut_short_and_said_so() -> None:
    many = mwg(*[face(None, area(0.3, 0.4, 0.2, 0.1)) for _ in range(3000)]) + microsoft(
        *[(None, "0.2,0.3,0.2,0.1")] * 3000
    )
    reading = xmp.read(packet(many), CANVAS)
    assert len(reading.tags) < 10
    assert reading.notes == ("it has 3000 regions of one kind, and only the first 500 were taken",)


@given(
    st.recursive(
        st.text("rdf:liDescBag<>&; \"'/=0.5", max_size=30), lambda inner: st.tuples(inner, inner).map("<b>".join)
    )
)
def test_any_text_inside_a_packet_is_read_or_refused(text: str) -> None:
    for content in (text, mwg(text), mwg(f"<rdf:li>{text}</rdf:li>"), listed("digiKam:TagsList", text)):
        try:
            xmp.read(packet(content), CANVAS)
        except NotTags:
            continue


REAL = {  # file: the pixels of the stored picture, its orientation, who is on it
    "xmp/immich/portrait.jpg": (Canvas(840, 700), ["Marie Curie", "Pierre Curie"]),
    "xmp/immich/portrait-orientation-6.jpg": (Canvas(840, 700, 6), ["Marie Curie", "Pierre Curie"]),
    "xmp/MikeKovarik+exifr/IMG_5910.xmp": (Canvas(1394, 930), ["Alvin the Squirrel"]),
    "xmp/LibrePhotos+librephotos/niaz.xmp": (Canvas(3000, 2000), ["Niaz Faridani-Rad"]),
    "xmp/vladmandic+human/stock-models-14.jpg": (Canvas(978, 1280), [None]),
    "xmp/Exiv2+exiv2/DSC_3079.jpg": (Canvas(720, 1280), ["America"]),
    "xmp/microsoft+Cognitive-Face-Windows/detection4.jpg": (Canvas(1000, 750), []),
}


@pytest.mark.parametrize("name", REAL)
def test_files_of_real_programs_name_who_is_on_them(test_data, name: str) -> None:
    canvas, people = REAL[name]
    path = test_data / name
    content = path.read_bytes() if path.suffix == ".xmp" else packets.embedded(str(path))
    tags = xmp.read(content, canvas).tags
    assert [tag.name for tag in tags] == people
    assert all(tag.box for tag in tags)


def test_the_same_picture_stored_two_ways_has_its_faces_in_one_place(test_data) -> None:
    plain = packets.embedded(str(test_data / "xmp/immich/portrait.jpg"))
    turned = packets.embedded(str(test_data / "xmp/immich/portrait-orientation-6.jpg"))
    for one, other in zip(
        xmp.read(plain, Canvas(840, 700)).tags, xmp.read(turned, Canvas(840, 700, 6)).tags, strict=True
    ):
        assert one.box.iou(other.box) > 0.99
