"""The nouns of the program, as frozen dataclasses.

A File is a path; a Photo is a picture, whatever Files hold it; a Face is a box on a Photo.
Everything here is plain data that can cross a process border.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]  # (H, W, 3) RGB, upright
    Encoding = NDArray[np.float32]  # (D,), D = 128 for dlib

FileKind = Literal["photo", "other", "special"]
Policy = Literal["hog-then-cnn", "hog", "cnn", "both"]
Runtime = Literal["onnx", "dlib"]
Stage = Literal["crawl", "read", "examine"]
TagWord = Literal["said", "guessed", "ignored"]
ProblemKind = Literal["unreadable", "changing", "corrupt", "too-large", "timeout", "crash", "memory", "unexpected"]

# What the crawler takes for a photo. Camera raw files are no pictures to us: they are only hashed.
# fmt: off
PHOTO_SUFFIXES = frozenset([
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".tif", ".tiff",
    ".bmp", ".dib", ".gif", ".heic", ".heif", ".hif", ".avif",
])
# fmt: on


@dataclass(frozen=True, slots=True)
class Box:
    """Four fractions (0 to 1) of the upright picture."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    def iou(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        if across <= 0 or down <= 0:
            return 0.0
        shared = across * down
        return shared / (self.width * self.height + other.width * other.height - shared)

    def inside(self, other: Box) -> float:
        """The share of this box that lies in another, 0 to 1."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, across) * max(0.0, down) / (self.width * self.height)

    def holds(self, other: Box) -> bool:
        """Whether half of the smaller of two boxes lies in the other: one face, however differently it is drawn."""
        return max(self.inside(other), other.inside(self)) > 0.5


@dataclass(frozen=True, slots=True)
class File:
    """One directory entry as stat() last saw it; `name` may hold surrogates (os.fsdecode)."""

    name: str
    kind: FileKind  # "photo" and "other" by suffix; "special" is a link, FIFO, socket or device
    size: int  # bytes
    mtime_ns: int
    ctime_ns: int
    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class Listing:
    """One folder as the crawler saw it."""

    folder: str  # relative to the root, "/" between parts, "" is the root itself
    files: tuple[File, ...] = ()
    excluded: tuple[str, ...] = ()  # names of files and folders in it that the user excluded
    error: str | None = None  # why the folder, or part of it, could not be read: nothing is known then


@dataclass(frozen=True, slots=True)
class Detection:
    """A face found on a picture, not yet encoded."""

    box: Box
    score: float  # the detector's confidence; scales of different detectors differ
    detector: str  # "hog", "cnn" …


@dataclass(frozen=True, slots=True)
class Face:
    """A box on a Photo, its detection score, and one backend's encoding."""

    box: Box
    score: float
    detector: str
    encoding: Encoding
    sharpness: float | None = None  # fine detail as a part of its contrast; None: not measured


@dataclass(frozen=True, slots=True)
class Photo:
    """One distinct picture, named by the SHA-256 of its bytes."""

    digest: bytes  # 32 bytes
    size: int  # bytes
    format: str  # "JPEG", "PNG", "HEIF" …
    width: int  # pixels, upright
    height: int
    orientation: int = 1  # EXIF, 1 to 8, as stored
    taken_at: str | None = None  # ISO 8601, camera's local time; with offset where EXIF has one
    camera: str | None = None
    latitude: float | None = None  # degrees, north positive
    longitude: float | None = None  # degrees, east positive


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be handled, at which stage, and why."""

    stage: Stage
    kind: ProblemKind
    message: str


@dataclass(frozen=True, slots=True)
class DetectionSettings:
    """How faces are looked for; defaults are measured (docs/detection.md)."""

    policy: Policy = "hog-then-cnn"
    size: int = 1600  # longest side in pixels at which HOG works; smaller pictures grow at most twofold
    cnn_size: int = 640  # the same for the CNN, which is for the large faces that HOG misses …
    cnn_step: int = 6  # … at sizes that are each (step - 1) / step of the one before; dlib's own is 6 …
    cnn_pixels: int = 2_000_000  # … and which never sees more pixels than this: its memory grows with them
    doubt: float = 0.3  # hog-then-cnn: the CNN looks where HOG finds nothing, or a face with a lower score
    group: int = 3  # where so many faces are found, one of them small, look at twice the size, too; 0: never
    faces: int = 0  # narrowest face looked for, in pixels of the original; 0: what `size` happens to find
    turns: bool = True  # try 90° turns where nothing was found and the picture does not say how it lies
    runtime: Runtime = "onnx"  # what runs the networks; the results are the same
    device: str = "auto"  # where: "cpu", "cuda" … (nets.devices)
    min_face: int = 32  # narrowest face kept, in pixels of the original picture
    min_score: float = 0.1


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What a worker refuses to read or decode."""

    max_bytes: int = 512 * 2**20  # of a picture file that is to be decoded; larger ones are only hashed
    max_pixels: int = 250_000_000  # of a picture as its header announces it
    max_decoded: int = 100_000_000  # of what must be held in memory after scaled decoding


@dataclass(frozen=True, slots=True)
class Task:
    """One file for a worker to read, hash and, unless its bytes are known, examine."""

    file_id: int
    path: str
    kind: FileKind
    size: int
    known: frozenset[bytes] = frozenset()  # digests of this size that need no examination
    backend: str = "dlib"
    settings: DetectionSettings = field(default_factory=DetectionSettings)
    limits: ReadLimits = field(default_factory=ReadLimits)
    time_limit: float = 180.0  # seconds
    hash_only: bool = False
    after: Problem | None = None  # what became of the first attempt, where only the hash is still wanted
    thumbnails: bool = False  # also make small pictures of the photo and its faces, while its pixels are in memory
    ahead: str | None = None  # path of a file whose turn comes soon after, for the system to fetch meanwhile


@dataclass(frozen=True, slots=True)
class Examination:
    """What a worker found out about one file."""

    file_id: int
    digest: bytes | None = None  # None: the bytes could not be read; without a Problem, the file is gone
    photo: Photo | None = None  # None: not a picture, already known, or a Problem
    faces: tuple[Face, ...] = ()
    problem: Problem | None = None
    bytes_read: int = 0
    seconds: float = 0.0
    racy: bool = False  # changed so shortly before it was read that a later edit could look the same
    profile: tuple[tuple[str, float], ...] = ()  # stage and its seconds, all of them together `seconds`
    notes: tuple[str, ...] = ()  # what the worker remarked that concerns the run rather than this file
    thumbnails: tuple[bytes, ...] = ()  # JPEGs: of the photo, then of each of the faces; none where none were wanted


@dataclass(frozen=True, slots=True)
class Canvas:
    """A picture as other programs' boxes refer to it."""

    width: int  # pixels, upright
    height: int
    orientation: int = 1  # EXIF, 1 to 8, as stored


@dataclass(frozen=True, slots=True)
class Tag:
    """A name and a box as another program stored them."""

    name: str | None  # as it is written there; None: a box nobody named
    box: Box | None  # None: a name without a box, a keyword
    word: TagWord = "said"  # "guessed": that program's own idea; "ignored": a human there said to leave it alone
    group: str = ""  # whom that program tells apart from others of this name: an id; "" where it tells nobody apart
    vector: bytes = b""  # that program's own encoding of it, 128 little-endian float32 of dlib's network; empty: none


@dataclass(frozen=True, slots=True)
class Reading:
    """The tags of one picture, and what could not be taken."""

    tags: tuple[Tag, ...] = ()
    notes: tuple[str, ...] = ()  # each a clause that follows the picture's path in the report
