"""`faceindex export album`: web pages that open from a folder, hold nothing but small copies, and follow the index."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from cli_fakes import call, done, fake_scans, indexed, isolate, paint, refused, rows
from PIL import Image

from faceindex.db import open_index
from faceindex.pipeline.exporting import album as pages
from faceindex.pipeline.exporting import copies
from faceindex.store import shelf

HOSTILE = '<script src="http://x/">"&\'{{ title }}'


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The painted library; red is Anna, on four photos, green Ben, on two, one of them with her."""
    folder = indexed(tmp_path, monkeypatch)
    for row in rows("cluster", "list"):
        if row["photos"] > 1:
            done("cluster", "label", str(row["cluster"]), {4: "Anna", 2: "Ben"}[row["photos"]])
    return folder


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No index yet; scans see squares."""
    index = isolate(tmp_path, monkeypatch)
    fake_scans(tmp_path, monkeypatch)
    return index


@pytest.fixture
def album(tmp_path: Path) -> Path:
    return tmp_path / "Album"


class Page(HTMLParser):
    """What a page asks a browser for, and what it shows."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def addresses(self) -> list[str]:
        return [attrs[name] for _, attrs in self.elements for name in ("href", "src") if name in attrs]


def files(album: Path, kind: str = "*") -> dict[str, bytes]:
    return {str(path.relative_to(album)): path.read_bytes() for path in sorted(album.rglob(kind)) if path.is_file()}


def html(album: Path) -> Iterator[tuple[Path, Page]]:
    for path in sorted(album.rglob("*.html")):
        yield path, Page(path)


def of(album: Path, name: str) -> Page:
    return Page(next((album / "people").glob(f"{name}-*.html")))


def test_everybody_is_on_the_first_page_and_every_link_leads_somewhere(library: Path, album: Path) -> None:
    assert "2 people on 5 photos" in done("export", "album", album, "--title", "Us")
    first = Page(album / "index.html")
    assert re.findall(r"Us|Anna|Ben|\d photos", first.text) == [
        "Us",
        "Us",
        "5 photos",
        "Anna",
        "4 photos",
        "Ben",
        "2 photos",
    ]
    seen = set()
    for path, page in html(album):
        for address in page.addresses:
            assert not urlparse(address).scheme, address
            target = path.parent / unquote(address)
            assert target.is_file(), address
            seen.add(target.resolve())
    there = {path.resolve() for path in album.rglob("*") if path.is_file()} - {
        (album / ".faceindex-album.jsonl").resolve()
    }
    assert there - {(album / "index.html").resolve()} <= seen  # and nothing lies about


def test_pages_need_no_script_and_say_what_a_reader_and_a_phone_need(library: Path, album: Path) -> None:
    done("export", "album", album)
    for _, page in html(album):
        tags = [tag for tag, _ in page.elements]
        assert not {"script", "iframe", "object", "form"} & set(tags)
        assert all("alt" in attrs for tag, attrs in page.elements if tag == "img")
        assert any(attrs.get("name") == "viewport" for _, attrs in page.elements)
    style = (album / "style.css").read_text()
    assert "prefers-color-scheme: dark" in style
    assert ":focus-visible" in style
    assert "url(" not in style
    assert "@import" not in style


def test_a_photo_shows_boxes_with_names_and_the_way_on(library: Path, album: Path) -> None:
    done("export", "album", album)
    both = [
        page
        for _, page in html(album)
        if [tag for tag, a in page.elements if (a.get("class") or "").split()[:1] == ["box"]] == ["span"] * 2
    ]
    assert len(both) == 1
    boxes = [attrs["style"] for _, attrs in both[0].elements if (attrs.get("class") or "").split()[:1] == ["box"]]
    assert boxes == ["left:12.5%;top:25.0%;width:25.0%;height:50.0%", "left:62.5%;top:25.0%;width:25.0%;height:50.0%"]
    assert {"Ben, photo after", "Anna, photo before"} & {attrs.get("aria-label") for _, attrs in both[0].elements}


def test_previous_and_next_lead_through_all_photos_and_through_each_persons(library: Path, album: Path) -> None:
    done("export", "album", album)
    with closing(open_index(album.parent / "faces.db")) as db:
        shelf.fill(db, "fake", matches=False)
        shown = list(shelf.photos(db))
    assert [photo.after for photo in shown] == [*[photo.digest for photo in shown[1:]], None]
    assert [photo.before for photo in shown] == [None, *[photo.digest for photo in shown[:-1]]]
    for name in ("Anna", "Ben"):
        mine = [(photo.digest, step) for photo in shown for step in photo.steps if step.name == name]
        assert [step.after for _, step in mine] == [*[digest for digest, _ in mine[1:]], None]


def test_a_second_time_nothing_is_written_and_a_change_touches_what_it_must(library: Path, album: Path) -> None:
    done("export", "album", album)
    before, marks = files(album), {path: path.stat().st_mtime_ns for path in album.rglob("*.*") if path.is_file()}
    assert "0 pictures made, 0 pages written, 0 files removed" in done("-v", "export", "album", album)
    assert files(album) == before
    changed = {path for path, mark in marks.items() if path.stat().st_mtime_ns != mark}
    assert changed <= {album / ".faceindex-album.jsonl"}
    done("person", "rename", "Ben", "Benjamin")
    assert "0 pictures made, 4 pages written, 1 file removed" in done("-v", "export", "album", album)
    assert not list((album / "people").glob("ben-*"))
    done("export", "album", album, "--thumbnails", "100")
    assert {name[-8:-4] for name in files(album, "*.jpg") if "pictures/" in name} == {"600a", "100a"}


def test_whoever_is_forgotten_leaves_the_album(library: Path, album: Path) -> None:
    done("export", "album", album)
    done("forget", "Anna", "--yes")
    done("export", "album", album)
    assert [name for name in files(album) if name.startswith("people/")] == [next(iter(files(album / "people"))) and
            f"people/{next(iter(files(album / 'people')))}"]  # fmt: skip
    assert not any(b"Anna" in content for content in files(album).values())
    assert len(files(album, "*-1600a.jpg")) == 2


def test_names_are_text_whatever_they_hold(library: Path, album: Path) -> None:
    done("person", "rename", "Anna", HOSTILE)
    done("export", "album", album, "--title", HOSTILE)
    for path, page in html(album):
        assert "script" not in {tag for tag, _ in page.elements}
        assert HOSTILE in page.text, path
        assert all("{{" not in address for address in page.addresses)
    assert all(name.isascii() and "<" not in name for name in files(album))


def test_a_title_of_broken_bytes_is_shown_as_well_as_can_be(library: Path, album: Path) -> None:
    done("export", "album", album, "--title", "caf\udce9")
    assert "caf?" in Page(album / "index.html").text


def test_copies_are_upright_and_carry_nothing_but_pixels(empty: Path, tmp_path: Path, album: Path) -> None:
    with Image.open(paint(tmp_path / "a.png", (250, 20, 20), (20, 250, 20), side=60)) as image:
        tags = Image.Exif()
        tags[0x0112] = 6  # turned
        tags[0x010F] = "Secret camera"
        tags.get_ifd(0x8825)[1] = "N"
        (tmp_path / "library").mkdir()
        image.rotate(90, expand=True).save(tmp_path / "library" / "a.jpg", exif=tags, comment=b"Secret", quality=95)
    call("-q", "scan", tmp_path / "library")
    for row in rows("cluster", "list"):
        done("cluster", "label", str(row["cluster"]), f"P{row['cluster']}")
    for face in rows("photo", "show", tmp_path / "library" / "a.jpg"):
        done("face", "label", str(face["face"]), f"Q{face['face']}")
    done("export", "album", album)
    (large,) = album.glob("pictures/*/*-1600a.jpg")
    with Image.open(large) as image:
        assert image.size == (240, 120)
        assert not image.getexif()
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive", "progression"}
    assert not any(b"Secret" in content for content in files(album).values())


def test_paths_of_photos_stand_in_the_pages_only_where_asked_for(library: Path, album: Path) -> None:
    done("export", "album", album)
    assert not any(str(library).encode() in content for content in files(album).values())
    done("export", "album", album, "--originals")
    linked = [a for _, page in html(album) for a in page.addresses if a.startswith("file://")]
    assert len(linked) == 5
    assert all(Path(unquote(urlparse(address).path)).is_file() for address in linked)


def test_while_the_photos_are_away_the_album_stays(library: Path, album: Path) -> None:
    done("export", "album", album)
    before = files(album)
    away = library.rename(library.with_name("away"))
    done("export", "album", album)
    assert files(album) == before
    done("export", "album", album, "--thumbnails", "100")  # made of the copies that are there
    assert len(files(album, "*-100a.jpg")) == 5
    away.rename(library)


def test_photos_that_cannot_be_read_are_left_out_and_told(library: Path, album: Path) -> None:
    (library / "both.png").unlink()
    (library / "green.png").write_bytes(b"another file by now")
    said = done("export", "album", album)
    assert "2 people on 5" not in said
    assert "photos left out, none of whose files can be read now: 2" in said
    assert "both.png" in said
    assert not [name for name in files(album) if "ben-" in name]


def test_a_person_of_many_photos_has_many_pages(library: Path, album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PER_PAGE", 3)
    done("export", "album", album)
    assert len(list((album / "people").glob("anna-*.html"))) == 2
    first = min((album / "people").glob("anna-*.html"), key=lambda path: len(path.name))
    assert len([tag for tag, _ in Page(first).elements if tag == "img"]) == 3
    assert ("span", {"aria-current": "page"}) in Page(first).elements


def test_an_export_that_is_stopped_goes_on_where_it_was(library: Path, album: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    real, made = copies.make, []

    def slow(wish: copies.Wish) -> bool:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(wish.photo_id)
        return real(wish)

    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    monkeypatch.setattr(copies, "make", slow)
    assert call("export", "album", album).code == 130
    monkeypatch.setattr(copies, "make", real)
    assert "8 pictures made" in done("-v", "export", "album", album)  # six of three photos, two tiles
    assert not files(album, "*.unfinished")


def test_what_others_put_there_stays_and_a_link_is_not_followed(library: Path, album: Path, tmp_path: Path) -> None:
    done("export", "album", album)
    (album / "people" / "mine.html").write_text("mine")
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "index.html").write_text("x")
    for path in (album / "photos").rglob("*.html"):
        path.unlink()
    for path in sorted((album / "photos").rglob("*"), reverse=True):
        path.rmdir()
    (album / "photos").rmdir()
    (album / "photos").symlink_to(precious)
    assert "is in the way" in refused("export", "album", album, code=1)
    assert [path.name for path in precious.iterdir()] == ["index.html"]
    (album / "photos").unlink()
    done("export", "album", album)
    assert (album / "people" / "mine.html").read_text() == "mine"


def test_an_album_among_the_photos_or_over_something_else_is_refused(library: Path, tmp_path: Path) -> None:
    assert "lies in the library" in refused("export", "album", library / "Album")
    assert "is not empty, and not made by 'faceindex export album'" in refused("export", "album", tmp_path)
    done("export", "links", tmp_path / "People")
    assert "is not empty" in refused("export", "album", tmp_path / "People")


def test_an_index_without_names_makes_an_empty_album(empty: Path, album: Path) -> None:
    open_index(empty).close()
    done("export", "album", album)
    assert "Nobody has a name yet." in Page(album / "index.html").text


@pytest.mark.parametrize(
    ("names", "said"), [([], ""), (["Anna"], "Anna"), (["A", "B"], "A and B"), (["A", "B", "C"], "A, B and C")]
)
def test_names_are_listed_as_in_a_sentence(names: list[str], said: str) -> None:
    assert pages.sentence(names) == said
