"""exiftool and exiv2 read what we write, we read what they write, and both may rewrite a sidecar of ours."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image
from tagged import ORIENTATIONS, rounded
from xmp_texts import FOREIGN, packet

from faceindex.image.turns import SIDEWAYS, stored_box
from faceindex.models import Box, Canvas, Tag
from faceindex.tags import packets, sidecar, xmp

ANNA = Tag("Anna", Box(0.1, 0.2, 0.3, 0.6))
ODD = Tag('王 "x" <&> O\'B/c|d 😀', Box(0.5, 0.25, 0.75, 0.5))
ZOE = Tag("Zoë", None)
OURS = (
    "Regions",
    "RegionInfo",
    "RegionInfoMP",
    "PersonInImage",
    "TagsList",
    "HierarchicalSubject",
    "Subject",
    "Written",
)
SUFFIXES = ["jpg", "png", "webp", "tif", "avif"]


def need(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    return path


def exiftool(*arguments: str | Path) -> str:
    command = [need("exiftool"), "-q", "-overwrite_original", "-charset", "utf8", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def exiv2(*arguments: str | Path) -> str:
    done = subprocess.run(
        [need("exiv2"), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def told(*paths: Path) -> list[dict[str, object]]:
    """What exiftool makes of the XMP of these files."""
    return json.loads(exiftool("-json", "-struct", "-XMP:all", *paths))


def size(canvas: Canvas) -> tuple[int, int]:
    return (canvas.height, canvas.width) if canvas.orientation in SIDEWAYS else (canvas.width, canvas.height)


def picture(path: Path, canvas: Canvas) -> Path:
    """A grey picture that EXIF turns upright."""
    exif = Image.Exif()
    exif[0x0112] = canvas.orientation
    if path.suffix == ".avif":
        need("exiftool")
    Image.new("RGB", size(canvas), "gray").save(path, exif=exif)
    return path


def region_info(tag: Tag, canvas: Canvas) -> str:
    """A region as exiftool wants it on its command line."""
    assert tag.box
    box, (w, h) = stored_box(tag.box, canvas.orientation), size(canvas)
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    area = f"{{X={x:.6f},Y={y:.6f},W={box.width:.6f},H={box.height:.6f},Unit=normalized}}"
    applied = f"{{W={w},H={h},Unit=pixel}}"
    return f"-RegionInfo={{AppliedToDimensions={applied},RegionList=[{{Area={area},Name={tag.name},Type=Face}}]}}"


def test_exiftool_reads_our_names_and_boxes_however_the_picture_lies(tmp_path: Path) -> None:
    need("exiftool")
    canvases = [Canvas(300, 400, orientation) for orientation in ORIENTATIONS]
    paths = [tmp_path / f"{canvas.orientation}.xmp" for canvas in canvases]
    for path, canvas in zip(paths, canvases, strict=True):
        path.write_bytes(sidecar.write([ANNA, ODD, ZOE], canvas) or b"")
    for seen, canvas in zip(told(*paths), canvases, strict=True):
        regions = seen["RegionInfo"]
        assert regions["AppliedToDimensions"] == dict(zip("WH", size(canvas), strict=True)) | {"Unit": "pixel"}
        for region, other, tag in zip(regions["RegionList"], seen["RegionInfoMP"]["Regions"], (ANNA, ODD), strict=True):
            assert region["Name"] == other["PersonDisplayName"] == tag.name
            box, area = stored_box(tag.box, canvas.orientation), region["Area"]
            middle = ((box.left + box.right) / 2, (box.top + box.bottom) / 2, box.width, box.height)
            assert tuple(area[side] for side in "XYWH") == pytest.approx(middle, abs=1e-6)
            corner = tuple(float(side) for side in other["Rectangle"].split(","))
            assert corner == pytest.approx((box.left, box.top, box.width, box.height), abs=1e-6)
        assert seen["PersonInImage"] == [ANNA.name, ODD.name, ZOE.name]
        assert seen["HierarchicalSubject"][0] == "People|Anna"


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_exiv2_reads_our_names_and_boxes(tmp_path: Path, orientation: int) -> None:
    need("exiv2")
    canvas, path = Canvas(300, 400, orientation), tmp_path / "a.jpg.xmp"
    path.write_bytes(sidecar.write([ANNA, ODD], canvas) or b"")
    lines = [line.split(None, 1) for line in exiv2("-PXkv", path).splitlines()]
    seen = {line[0]: line[1].strip() for line in lines if len(line) > 1}
    box = stored_box(ANNA.box, orientation)
    first = "Xmp.mwg-rs.Regions/mwg-rs:RegionList[1]/mwg-rs:"
    assert seen[f"{first}Name"] == "Anna"
    assert float(seen[f"{first}Area/stArea:x"]) == pytest.approx((box.left + box.right) / 2)
    assert float(seen[f"{first}Area/stArea:h"]) == pytest.approx(box.height)
    assert seen["Xmp.mwg-rs.Regions/mwg-rs:RegionList[2]/mwg-rs:Name"] == ODD.name
    assert seen["Xmp.MP.RegionInfo/MPRI:Regions[2]/MPReg:PersonDisplayName"] == ODD.name
    assert seen["Xmp.digiKam.TagsList"].startswith("People/Anna, ")


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_what_exiftool_writes_is_read_in_place_embedded_and_beside(tmp_path: Path, orientation: int) -> None:
    need("exiftool")
    canvas = Canvas(300, 400, orientation)
    path, beside = picture(tmp_path / "a.jpg", canvas), tmp_path / "a.xmp"
    exiftool(region_info(ANNA, canvas), "-PersonInImage=Zoë", path)
    exiftool("-tagsfromfile", path, "-XMP:all", beside)
    for content in (packets.embedded(str(path)), beside.read_bytes()):
        assert content is not None
        assert rounded(xmp.read(content, canvas).tags) == rounded((ANNA, ZOE))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_packet_is_found_in_every_format_that_exiftool_writes(tmp_path: Path, suffix: str) -> None:
    need("exiftool")
    canvas = Canvas(300, 400)
    path = picture(tmp_path / f"a.{suffix}", canvas)
    exiftool(region_info(ANNA, canvas), path)
    content = packets.embedded(str(path))
    assert content is not None
    assert rounded(xmp.read(content, canvas).tags) == rounded((ANNA,))


def test_a_packet_too_long_for_one_segment_is_put_together(tmp_path: Path) -> None:
    need("exiftool")
    canvas = Canvas(300, 400)
    path = picture(tmp_path / "a.jpg", canvas)
    text = tmp_path / "long.txt"
    text.write_text("word " * 40_000)
    exiftool(f"-XMP-dc:Description<={text}", region_info(ANNA, canvas), path)
    assert path.read_bytes().count(b"http://ns.adobe.com/xmp/extension/") > 1
    content = packets.embedded(str(path))
    assert content is not None
    assert content.count(b"word") == 40_000
    assert rounded(xmp.read(content, canvas).tags) == rounded((ANNA,))


@pytest.mark.parametrize("program", ["exiftool", "exiv2"])
def test_ours_is_still_known_after_another_program_rewrote_the_sidecar(tmp_path: Path, program: str) -> None:
    need(program)
    canvas, path = Canvas(300, 400, 6), tmp_path / "a.xmp"
    path.write_bytes(sidecar.write([ANNA, ODD, ZOE], canvas) or b"")
    exiftool("-XMP-dc:Title=Rome", path) if program == "exiftool" else exiv2("-Mset Xmp.dc.title Rome", path)
    rewritten = path.read_bytes()
    assert b"Rome" in rewritten
    assert sidecar.merge(rewritten, [ANNA, ODD, ZOE], canvas) is rewritten
    back = sidecar.merge(rewritten, [], canvas)
    assert back is not None
    assert b"Anna" not in back
    assert b"Rome" in back


def test_what_others_wrote_is_the_same_for_exiftool_after_a_merge(tmp_path: Path) -> None:
    need("exiftool")
    canvas = Canvas(4000, 3000)
    paths = []
    for number, content in enumerate(FOREIGN.values()):
        for name, merge in (("before", False), ("after", True)):
            paths.append(tmp_path / f"{number} {name}.xmp")
            former = packet(content)
            new = sidecar.merge(former, [ANNA, ODD, ZOE], canvas) if merge else former
            paths[-1].write_bytes(new or b"")
    seen = told(*paths)
    for before, after in zip(seen[::2], seen[1::2], strict=True):
        for name in before.keys() - {"SourceFile"}:
            if name in OURS:
                assert all(part in str(after[name]) for part in _parts(before[name])), name
            else:
                assert after[name] == before[name]


def _parts(value: object) -> list[str]:
    """The simple values in what exiftool told."""
    if isinstance(value, dict):
        return [part for inner in value.values() for part in _parts(inner)]
    return [part for inner in value for part in _parts(inner)] if isinstance(value, list) else [str(value)]
