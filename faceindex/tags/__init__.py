"""Other programs' face tags: each format reads what that program wrote, and writes what it will read.

picasa      .picasa.ini, one file for all pictures of a folder; contacts.xml
xmp         an XMP packet: MWG and Microsoft regions, people as keywords
packets     where the XMP packet is in a picture's file
regions     digiKam's tagRegion

A Tag's box is in fractions of the upright picture; what a program takes a box for, stored pixels or upright,
corners or centre, is known here and nowhere else. What cannot be taken is a note, never an exception;
only a file that is not of the format at all raises NotTags.
"""

from __future__ import annotations

from faceindex.errors import FaceindexError


class NotTags(FaceindexError):
    """A file that is not of the format it ought to be; a clause that follows its path."""
