"""Contact sheets: a labelled grid of faces to look at in one glance."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from faceindex.models import Pixels

BACKGROUND = "#f4f4f2"
FRAME = "#dcdcd8"  # behind pictures that are not square
INK = "#222222"
ELLIPSIS = "…"
FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "Arial.ttf")  # if installed
LONGEST_CAPTION = 200  # characters worth measuring; the rest cannot fit anyway

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def contact_sheet(tiles: Iterable[tuple[Pixels, str]], columns: int = 8, tile: int = 160) -> Image.Image:
    """Draw pictures as squares of `tile` pixels, captions underneath, `columns` to a row.

    Pictures are shrunk as they come, so the iterable may be a generator that reads them one by one.
    """
    size = max(10, tile // 13)
    font, line, gap = _font(size), round(size * 1.7), max(4, tile // 20)
    cards = [_card(pixels, caption, tile, line, font) for pixels, caption in tiles]
    across = min(columns, len(cards)) or 1
    down = -(-len(cards) // across) or 1
    step_x, step_y = tile + gap, tile + line + gap
    sheet = Image.new("RGB", (across * step_x + gap, down * step_y + gap), BACKGROUND)
    for number, card in enumerate(cards):
        row, column = divmod(number, across)
        sheet.paste(card, (gap + column * step_x, gap + row * step_y))
    return sheet


def _font(size: int) -> Font:
    """A font that knows more than ASCII, which is all that Pillow's own knows."""
    for name in FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size=size)


def _card(pixels: Pixels, caption: str, tile: int, line: int, font: Font) -> Image.Image:
    card = Image.new("RGB", (tile, tile + line), BACKGROUND)
    card.paste(_square(Image.fromarray(pixels), tile))
    label = shorten(caption, tile - 4, font)
    ImageDraw.Draw(card).text((tile / 2, tile + line / 2), label, fill=INK, font=font, anchor="mm")
    return card


def _square(image: Image.Image, tile: int) -> Image.Image:
    """Scale to fit a square, whole and centred: a cut might take half a face away."""
    scale = tile / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    small = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    square = Image.new("RGB", (tile, tile), FRAME)
    square.paste(small, ((tile - size[0]) // 2, (tile - size[1]) // 2))
    return square


def shorten(caption: str, width: float, font: Font) -> str:
    """One printable line at most `width` pixels wide; a longer one loses its middle."""
    printable = "".join(c if c.isprintable() else " " for c in caption)  # lone surrogates cannot be drawn
    text = _without_middle(" ".join(printable.split()), LONGEST_CAPTION)
    for kept in range(len(text), 0, -1):
        label = _without_middle(text, kept)
        if font.getlength(label) <= width:
            return label
    return ""


def _without_middle(text: str, kept: int) -> str:
    if kept >= len(text):
        return text
    return text[: (kept + 1) // 2].rstrip() + ELLIPSIS + text[len(text) - kept // 2 :].lstrip()
