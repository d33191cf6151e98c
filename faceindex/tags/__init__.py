"""Other programs' face tags: each format reads what that program wrote, and writes what it will read.

picasa      .picasa.ini, one file for all pictures of a folder; ini: such a file, line by line
contacts    Picasa's contacts.xml
xmp         an XMP packet: MWG and Microsoft regions, people as keywords (xmlpeople)
sidecar     our tags into an XMP sidecar, the rest of it kept (xmlentries, xmlplaces)
xmltree     XML that cannot do harm, and RDF in all its spellings
packets     where the XMP packet is in a picture's file (packets_heif; reading: a bounded look into one)
regions     digiKam's tagRegion
pickles     arrays out of Python pickles, of which nothing is run

A Tag's box is in fractions of the upright picture; what a program takes a box for, stored pixels or upright,
corners or centre, is known here and nowhere else. What cannot be taken is a note, never an exception;
only a file that is not of the format at all raises NotTags.
"""

from __future__ import annotations

from faceindex.errors import FaceindexError


class NotTags(FaceindexError):
    """A file that is not of the format it ought to be; a clause that follows its path."""
