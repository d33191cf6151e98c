"""The XMP packet of a picture is found wherever its format keeps it, and a broken file costs nothing."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from pathlib import Path

import pillow_heif
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from xmp_texts import area, face, mwg, packet

from faceindex.models import Canvas
from faceindex.tags import NotTags, packets, xmp
from faceindex.tags.reading import MAX_BYTES

XMP = packet(mwg(face("Anna", area(0.3, 0.4, 0.2, 0.1)), size=None))
FORMATS = ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF", "MPO", "BigTIFF", "MM"]


def picture(form: str, content: bytes | None = XMP) -> bytes:
    """A small picture of this format with a packet in it."""
    image, out = Image.new("RGB", (64, 48), "gray"), io.BytesIO()
    more = {} if content is None else {"xmp": content}
    if form == "HEIF":
        heif = pillow_heif.from_pillow(image)
        heif.info.update(more)
        heif.save(out)
    elif form in ("TIFF", "BigTIFF"):
        tags = {} if content is None else {700: content}
        image.save(out, "TIFF", tiffinfo=tags, big_tiff=form == "BigTIFF")
    elif form == "PNG":
        info = PngInfo()
        if content is not None:
            info.add_itxt("XML:com.adobe.xmp", content.decode())
        image.save(out, form, pnginfo=info)
    elif form == "MM":
        return motorola(content)
    else:
        image.save(out, form, **more)
    return out.getvalue()


def motorola(content: bytes | None) -> bytes:
    """The head of a TIFF file in the byte order of the other half of the world."""
    entries = [] if content is None else [struct.pack(">HHII", 700, 7, len(content), 26)]
    return b"MM\0*" + struct.pack(">IH", 8, len(entries)) + b"".join(entries).ljust(16, b"\0")[:16] + (content or b"")


def embedded(tmp_path: Path, content: bytes) -> bytes | None:
    path = tmp_path / "a"
    path.write_bytes(content)
    return packets.embedded(str(path))


def segment(body: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def extended(rest: bytes, *, guid: bytes | None = None, order: int = 1, total: int | None = None) -> bytes:
    """A JPEG whose packet goes on in three more segments."""
    guid = hashlib.md5(rest).hexdigest().upper().encode() if guid is None else guid
    main = packet(f'<n:HasExtendedXMP xmlns:n="http://ns.adobe.com/xmp/note/">{guid.decode()}</n:HasExtendedXMP>')
    third = len(rest) // 3 + 1
    parts = [
        segment(
            packets.JPEG_MORE
            + guid
            + struct.pack(">II", len(rest) if total is None else total, at)
            + rest[at : at + third]
        )
        for at in range(0, len(rest), third)
    ][::order]
    return b"\xff\xd8" + segment(packets.JPEG_MAIN + main) + b"".join(parts) + b"\xff\xda"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(body: bytes) -> bytes:
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", b"\0" * 13)
        + chunk(b"iTXt", packets.PNG_KEYWORD + body)
        + chunk(b"IEND", b"")
    )


def names(content: bytes | None) -> list[str | None]:
    assert content is not None
    return [tag.name for tag in xmp.read(content, Canvas(64, 48)).tags]


@pytest.mark.parametrize("form", FORMATS)
def test_the_packet_of_every_format_is_found(tmp_path: Path, form: str) -> None:
    assert embedded(tmp_path, picture(form)) == XMP


@pytest.mark.parametrize("form", FORMATS)
def test_a_picture_without_a_packet_has_none(tmp_path: Path, form: str) -> None:
    assert embedded(tmp_path, picture(form, None)) is None


@pytest.mark.parametrize("form", FORMATS)
def test_a_picture_cut_off_anywhere_has_none_or_what_is_left(tmp_path: Path, form: str) -> None:
    whole = picture(form)
    for length in {*range(0, 200, 3), *range(0, len(whole), max(1, len(whole) // 60))}:
        assert embedded(tmp_path, whole[:length]) in (None, XMP)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(form=st.sampled_from(FORMATS), places=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=8))
def test_a_damaged_picture_never_makes_it_fall_over(tmp_path: Path, form: str, places: list[tuple[int, int]]) -> None:
    damaged = bytearray(picture(form))
    for place, value in places:
        damaged[place % len(damaged)] = value
    try:
        embedded(tmp_path, bytes(damaged))
    except (NotTags, OSError):
        return


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mark=st.sampled_from([(mark, at) for mark, at, _ in packets.READERS]), rest=st.binary(max_size=200))
def test_any_bytes_behind_the_first_ones_never_make_it_fall_over(
    tmp_path: Path, mark: tuple[bytes, int], rest: bytes
) -> None:
    try:
        embedded(tmp_path, b"\0" * mark[1] + mark[0] + rest)
    except (NotTags, OSError):
        return


@pytest.mark.parametrize("order", [1, -1])
def test_a_packet_in_several_segments_is_put_together_in_any_order(tmp_path: Path, order: int) -> None:
    assert names(embedded(tmp_path, extended(XMP, order=order))) == ["Anna"]


def test_a_packet_that_lacks_a_part_of_it_is_the_first_segment_alone(tmp_path: Path) -> None:
    assert names(embedded(tmp_path, extended(XMP, guid=b"0" * 32))) == []
    assert names(embedded(tmp_path, extended(XMP, total=len(XMP) + 1))) == []
    assert (
        names(
            embedded(tmp_path, extended(XMP).replace(packets.JPEG_MORE, b"http://ns.example/xmp/extension/\0\0\0", 1))
        )
        == []
    )
    assert names(embedded(tmp_path, extended(b"no XMP at all, but all of it"))) == []


def test_a_packed_packet_in_a_png_is_unpacked_and_a_bomb_is_not(tmp_path: Path) -> None:
    assert embedded(tmp_path, png(b"\1\0\0\0" + zlib.compress(XMP))) == XMP
    assert embedded(tmp_path, png(b"\0\0en\0XMP\0" + XMP)) == XMP
    assert embedded(tmp_path, png(b"\1\0\0\0no zlib")) is None
    with pytest.raises(NotTags, match="more than 16 MB"):
        embedded(tmp_path, png(b"\1\0\0\0" + zlib.compress(b" " * (MAX_BYTES + 1))))


def test_an_absurd_length_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(NotTags, match="more than 16 MB"):
        embedded(tmp_path, b"RIFF\0\0\0\0WEBPXMP " + struct.pack("<I", 2**31))
    with pytest.raises(NotTags, match="more than 16 MB"):
        embedded(tmp_path, b"II*\0" + struct.pack("<IHHHII", 8, 1, 700, 7, 2**31, 8))


def test_what_is_no_picture_has_none_and_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    assert embedded(tmp_path, b"") is embedded(tmp_path, b"text") is embedded(tmp_path, XMP) is None
    with pytest.raises(FileNotFoundError):
        packets.embedded(str(tmp_path / "absent.jpg"))


def test_real_pictures_and_damaged_ones_are_read_to_the_end(test_data) -> None:
    found = 0
    for folder in ("xmp", "exif", "heif", "broken"):
        for path in sorted((test_data / folder).rglob("*")):
            if path.is_file() and (content := packets.embedded(str(path))):
                found += 1
                xmp.read(content, Canvas(640, 480))
    assert found > 40
