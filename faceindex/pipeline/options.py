"""What a scan was asked to do."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from faceindex.models import DetectionSettings, ReadLimits


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """Everything that shapes one scan; kept with its run."""

    roots: tuple[str, ...] = ()  # absolute paths; none: all that are known
    exclude: tuple[str, ...] = ()
    default_excludes: bool = True
    one_file_system: bool = False
    photos_only: bool = False
    verify: bool = False  # read every file again, trusting no stat()
    accept_vanished: bool = False
    engine: str = "processes"
    backend: str = "dlib"
    detection: DetectionSettings = field(default_factory=DetectionSettings)
    limits: ReadLimits = field(default_factory=ReadLimits)
    photo_time: float = 180.0  # seconds a photo may take
    distance: str = "normalised"  # by a cohort, where there is one; or "plain"
    threshold: float | None = None  # distance below which a face joins a cluster; None: computed, or as measured
    margin: float | None = None
    thumbnails: int = 2000  # MB of small pictures kept beside the index; 0: none are made
    index: str = ""  # where the index itself is, which is never indexed

    def as_dict(self) -> dict[str, Any]:
        """For the run's record."""
        return dataclasses.asdict(self)

    def detection_text(self) -> str:
        """For an examination's record: JSON."""
        return json.dumps(dataclasses.asdict(self.detection), sort_keys=True)
