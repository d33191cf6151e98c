"""Bytes to an upright RGB array at the size wanted; boxes and points to and from stored pixels; crops.

picture   open_picture(bytes) reads the header and EXIF; a Picture decodes when asked:
            .pixels(longest)      the whole picture, by the cheapest decoding that is fine enough
            .crops(boxes)         cut-outs at full resolution, one decoding for all of them
turns     upright_box, stored_box, turned: EXIF orientation, one table for boxes, points and pixels
rgb       what Pillow decodes, of any mode, as an RGB array
small     small JPEGs of photos and faces, to look at
jpeg      JPEGs straight into an array, where libjpeg finds nothing wrong with them
"""

from faceindex.image.picture import Picture, is_picture, open_picture
from faceindex.image.turns import (
    TURNS,
    box_from_pixels,
    pixel_rect,
    stored_box,
    stored_point,
    turned,
    upright_box,
    upright_point,
)

__all__ = [
    "TURNS",
    "Picture",
    "box_from_pixels",
    "is_picture",
    "open_picture",
    "pixel_rect",
    "stored_box",
    "stored_point",
    "turned",
    "upright_box",
    "upright_point",
]
