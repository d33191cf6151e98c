"""What each tag of a photo means: which face, and whether its word counts. Decides; touches neither SQL nor files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from faceindex import placing
from faceindex.errors import UsageProblem
from faceindex.labelfile import Spot, spots
from faceindex.models import Box, Tag
from faceindex.pipeline.sources import Tagged
from faceindex.store.paths import shown
from faceindex.store.people import clean_name
from faceindex.store.tagging import Known, Photo, There, told

SAME_BOX = 0.5  # IoU above which two tags of one source are about one face


@dataclass(frozen=True, slots=True)
class Said:
    """A tag, and what it is about."""

    tag: Tag  # its name as the index keeps it, its box turned as it fits
    path: str  # of the photo, for people
    photo_id: int
    spot: Spot | None  # where its face is, or is to be drawn; None: nothing is said of a face
    face: There | None
    older: bool = False  # an earlier import brought it, and the index has been told otherwise since
    forgotten: bool = False  # its face is of somebody who was: nothing of it is kept
    newer: bool = False  # it took the place of what an earlier import brought, and the index knows nothing later

    @property
    def speaks(self) -> bool:
        """Whether it gives a face its name."""
        return self.tag.word == "said" and self.tag.name is not None and not self.older

    @property
    def known(self) -> bool:
        """Whether its face has that name."""
        return self.speaks and self.face is not None and self.face.name == self.tag.name

    @property
    def asks(self) -> bool:
        """Whether it only makes a question of who a face without a name is."""
        nameless = self.face is not None and self.face.name is None
        return nameless and self.tag.word == "guessed" and self.tag.name is not None


@dataclass(slots=True)
class Plan:
    """All that a source says of one photo."""

    photo_id: int
    path: str
    said: list[Said] = field(default_factory=list)
    news: int = 0  # tags that say more than the index knows
    gone: list[Known] = field(default_factory=list)  # an earlier import brought these, and now they are not there
    turned: list[str] = field(default_factory=list)
    renamed: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def plan(photo: Photo, tagged: Sequence[Tagged], known: Mapping[Tag, Known]) -> Plan:
    """Find the face of each tag. `tagged` has the latest word first, `known` what earlier imports brought."""
    made = Plan(photo.photo_id, tagged[0].path)
    tags = _distinct([tag for each in tagged for tag in _clean(each.tags, made)], made)
    boxed = [tag for tag in tags if tag.box is not None]
    placed = _place(photo, boxed, made)
    there = [face.box for face in photo.faces]
    kept = spots(photo.digest, there)
    drawn = iter(spots(photo.digest, [*there, *(box for box, row in placed if row is None)])[len(there) :])
    for tag, (box, row) in zip(boxed, placed, strict=True):
        face = None if row is None else photo.faces[row]
        spot = next(drawn) if row is None else kept[row]
        made.said.append(Said(replace(tag, box=box), made.path, photo.photo_id, spot, face))
    made.said += [_without_box(tag, tags, photo, made) for tag in tags if tag.box is None]
    made.said = [_settled(said, made) for said in made.said]
    _compare(made, known)
    return made


def _clean(tags: Sequence[Tag], made: Plan) -> list[Tag]:
    """Names as the index keeps them; a tag whose name is none keeps its box."""
    found = []
    for tag in tags:
        try:
            found.append(tag if tag.name is None else replace(tag, name=clean_name(tag.name)))
        except UsageProblem as error:
            made.refused.append(f"{shown((tag.name or '')[:60])!r} is no name: {error}")
            found.append(replace(tag, name=None))
    return [tag for tag in found if tag.name is not None or tag.box is not None]


def _distinct(tags: Sequence[Tag], made: Plan) -> list[Tag]:
    """Each tag once: what two places of one source tell (sidecar and picture, two formats) is one tag."""
    found: list[Tag] = []
    for tag in tags:
        twin = next((i for i, other in enumerate(found) if _alike(tag, other)), None)
        if twin is None:
            found.append(tag)
        elif found[twin].name is None or (found[twin].word == "guessed" and tag.word == "said"):
            found[twin] = replace(tag, box=found[twin].box or tag.box)
        elif tag.name not in (None, found[twin].name) and tag.word == "said":
            first = shown(found[twin].name or "")
            made.doubled.append(f"one face is tagged both {first} and {shown(tag.name or '')}; {first} counts")
    return found


def _alike(tag: Tag, other: Tag) -> bool:
    """Whether two tags are about the same: the same box, or one name without a box."""
    if tag.box is None or other.box is None:
        return tag.name == other.name
    if tag.name is not None and tag.name == other.name:
        return bool(placing.pairs([tag.box], [other.box]))
    return tag.box.iou(other.box) > SAME_BOX


def _place(photo: Photo, boxed: Sequence[Tag], made: Plan) -> list[tuple[Box, int | None]]:
    boxes = [tag.box for tag in boxed if tag.box is not None]
    found = placing.place(boxes, [face.box for face in photo.faces], doubtful=photo.canvas.orientation != 1)
    if found.turn:
        made.turned.append(f"its boxes fit its faces once turned by {90 * found.turn}°, so they were")
    taken = {row for row in found.faces if row is not None}
    rows = [
        _namesake(photo, tag, box, taken) if row is None else row
        for tag, box, row in zip(boxed, found.boxes, found.faces, strict=True)
    ]
    return list(zip(found.boxes, rows, strict=True))


def _namesake(photo: Photo, tag: Tag, box: Box, taken: set[int]) -> int | None:
    """A face that bears the tag's name already, and that its box holds or lies in, however differently it is drawn."""
    for row, face in enumerate(photo.faces):
        if box.holds(face.box) and row not in taken and face.name == tag.name is not None:
            taken.add(row)
            return row
    return None


def _without_box(tag: Tag, tags: Sequence[Tag], photo: Photo, made: Plan) -> Said:
    """A name for the whole photo. Where there is one such name and one face, it may be that face: to be asked."""
    taken = {said.face.face_id for said in made.said if said.face is not None}
    free = [face for face in photo.faces if face.face_id not in taken and face.name is None and not face.forgotten]
    alone = sum(other.box is None for other in tags) == 1
    if alone and len(free) == 1 and tag.word == "said":
        return Said(replace(tag, word="guessed"), made.path, photo.photo_id, None, free[0])
    return Said(tag, made.path, photo.photo_id, None, None)


def _settled(said: Said, made: Plan) -> Said:
    """Without a place where nothing may be said: a face of somebody forgotten, a stranger nobody found."""
    if said.face is not None and said.face.forgotten:
        made.refused.append("the face there is of somebody who was forgotten")
        return replace(said, tag=replace(said.tag, name=None), spot=None, face=None, forgotten=True)
    if said.face is None and not said.speaks:
        return replace(said, spot=None)
    if said.face is None and said.tag.box is not None and said.spot is None:
        made.refused.append(f"the box of {shown(said.tag.name or '')} is no box in the picture")
    return said


def _compare(made: Plan, known: Mapping[Tag, Known]) -> None:
    """Tell what is older or newer than what the index has been told since the last import."""
    now = {told(said.tag) for said in made.said}
    made.gone = [each for tag, each in known.items() if tag not in now]
    made.said = [_aged(said, known.get(told(said.tag)), made) for said in made.said]
    made.news = sum(not said.known and told(said.tag) not in known for said in made.said)


def _aged(said: Said, before: Known | None, made: Plan) -> Said:
    if before is not None and said.tag.word == "ignored" and before.face_id is not None:
        return replace(said, spot=None)  # said once; who wants the face back since then keeps it
    if before is not None:
        since = before.face_id is not None and said.face is not None and said.face.name != said.tag.name
        return replace(said, older=said.speaks and since)
    if said.face is None or not said.speaks or said.face.name == said.tag.name:
        return said
    here = [each for each in made.gone if each.face_id == said.face.face_id and each.tag.word == "said"]
    if said.face.name is None:  # an import named it, and a human took that name away
        return replace(said, older=any(each.tag.name is not None for each in here))
    was = [each for each in here if each.tag.name == said.face.name]
    if was and (said.face.source == "tag" or (said.face.said_at or "") <= max(each.at for each in was)):
        made.renamed.append(f"{shown(said.face.name or '')} is {shown(said.tag.name or '')} there now")
        return replace(said, newer=True)
    return said
