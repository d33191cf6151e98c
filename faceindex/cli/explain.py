"""`faceindex explain`: why a face is where it is."""

from __future__ import annotations

from collections.abc import Iterator

import click

from faceindex.cli.app import App, pass_app
from faceindex.cli.options import switch
from faceindex.cli.output import Row, show_json, table
from faceindex.report import counted, moment
from faceindex.store.paths import shown


@click.command(epilog="Example: faceindex explain 203")
@click.argument("face_id", metavar="FACE", type=int)
@switch("--json", help="For programs: JSON.")
@pass_app
def explain(app: App, face_id: int, json: bool) -> None:
    """Why FACE is where it is: who said so, or how near it was and to whom else; and what the rules say today.

    d is the distance, d' the same judged by other people's faces. A face is left out of its own cluster's average.
    'faceindex photo show' and 'faceindex cluster show' tell the numbers of faces.
    """
    from faceindex.pipeline.explaining import explain as explained  # noqa: PLC0415  (loads numpy)

    with app.open() as db:
        told = explained(db, face_id)
    if json:
        show_json(told)
        return
    for line in _lines(told):
        click.echo(line)


def _lines(told: Row) -> Iterator[str]:
    box = " ".join(f"{100 * told[side]:02.0f}" for side in ("left", "top", "right", "bottom"))
    yield f"face {told['face']}, found by {told['detector']}, score {told['score']:.2f}"
    yield f"  on     {shown(told['path'] or 'a photo that is not there now')}"
    yield f"  box    {box}   (left, top, right, bottom, % of the picture)"
    yield f"  is     {_who(told['cluster'], told['person'])}"
    if not told["counts"]:
        yield "  moves no average: it is poor, or a near-copy of another"
    yield ""
    yield from _why(told)
    yield from map(_binding, told["constraints"])
    if told["now"]:
        yield ""
        yield from _today(told, told["now"])


def _who(cluster: int | None, person: str | None) -> str:
    if cluster is None:
        return f"{shown(person)}, in no cluster yet" if person else "in no cluster"
    return f"{shown(person)}, in cluster {cluster}" if person else f"nobody known, in cluster {cluster}"


# ---------------------------------------------------------------------------------------------- why


def _why(told: Row) -> Iterator[str]:
    if told["ignored"] or told["cluster_ignored"]:
        yield f"{'It' if told['ignored'] else 'Its cluster'} was ignored by a human: no scan places it."
    if told["labelled"]:
        source = "a tag in the picture said so" if told["labelled"] == "tag" else "a human said so"
        carried = f"; carried over from face {told['carried_from']}" if told["carried_from"] else ""
        yield (f"{shown(told['person'])}: {source} {moment(told['labelled_at'])} ({told['command']}, "
               f"entry {told['entry']}){carried}. No scan changes that.")  # fmt: skip
    match = told["match"]
    if match is None:
        yield "" if told["labelled"] else "No scan has placed it."
    elif match["founded"]:
        yield (f"Cluster {match['cluster']} was made of it and its like by run {match['run']}, {moment(match['at'])}, "
               f"d {match['distance']:.3f} from their average.")  # fmt: skip
    else:
        yield (f"Matched with cluster {match['cluster']} by run {match['run']}, {moment(match['at'])}: "
               f"{_far(match['distance'], match['normalised'])}; near enough was "
               f"{match['threshold']:.3f} then.")  # fmt: skip
    if match is not None and match["runner_up"] is not None:
        what = "Nearest other" if not match["founded"] else "Nearest known then"
        yield (f"{what}: {_cluster(match['runner_up'], match['runner_up_person'])}, "
               f"{_far(match['runner_up_distance'], match['runner_up_normalised'])}.")  # fmt: skip
    if match is not None and told["cluster"] not in (None, match["cluster"]):
        yield f"It has come into cluster {told['cluster']} since, by a human's doing."


def _far(distance: float | None, normalised: float | None) -> str:
    plain = f"d {distance:.3f}" if distance is not None else "far away"
    return plain if normalised is None else f"{plain}, d' {normalised:.3f}"


def _cluster(cluster: int | None, person: str | None) -> str:
    return f"{shown(person)}, cluster {cluster}" if person else f"cluster {cluster}"


def _binding(each: Row) -> str:
    person = shown(each["person"] or "")
    if each["kind"] == "photo":
        return f"Not {person or 'cluster ' + str(each['cluster'])}: that is face {each['face']} of the same photo."
    if each["kind"] == "rejected":
        return f"Not {person or 'cluster ' + str(each['cluster'])}: a human said so (entry {each['entry']})."
    if each["kind"] == "different":
        whom = _cluster(each["cluster"], each["person"])
        return f"Not {whom}: a human said that these are different people (entry {each['entry']})."
    if each["kind"] == "age":
        return f"Not {_cluster(each['cluster'], each['person'])}: it shows them at another age."
    return f"Not {person}: not born yet when the photo was taken."


# -------------------------------------------------------------------------------------------- today


def _today(told: Row, now: Row) -> Iterator[str]:
    kind = "d'" if now["cohort"] is not None else "d"
    yield (f"Today a face joins a person below {kind} {now['threshold_named']:.3f}, an unnamed cluster below "
           f"{now['threshold_unnamed']:.3f},")  # fmt: skip
    yield (f"if the rival is {now['margin']:.2f} farther; with {counted(now['people'], 'name')} "
           f"and {counted(now['clusters'], 'cluster')} in the index.")  # fmt: skip
    if now["cohort"] is not None:
        yield (f"Judged by cohort {now['cohort']}: its nearest faces of others are {now['norm']:.3f} away (μ); "
               f"weights {now['weights']}.")  # fmt: skip
    else:
        yield f"There is no cohort yet, so distances are plain; weights {now['weights']}."
    yield _verdict(told, now)
    if now["averages"]:
        yield ""
        yield table([_average(row) for row in now["averages"]])
    if now["faces"]:
        yield ""
        yield table([_face(row) for row in now["faces"]])


def _verdict(told: Row, now: Row) -> str:
    whom = _cluster(now["would_be_in"], now["would_be"])
    verdict = {
        "stays": f"By these rules it is {whom}, as it is.",
        "alone": "It is alone in its cluster, and nobody else is near enough: it stays.",
        "between": "It is alone in its cluster; of the others that are near enough none is clearly nearest: it stays.",
        "barred": "By these rules it would not be where it is: the dates of the photo and of the birth forbid it.",
        "joins": f"By these rules it would join {whom}.",
        "rival": "By these rules it would join nobody: somebody else is nearly as near.",
        "far": "By these rules it would join nobody: nobody is near enough.",
        "empty": "There is no cluster to compare it with.",
    }[now["rule"]]
    if told["labelled"] and now["rule"] in ("joins", "rival", "far", "barred"):
        return f"{verdict} The label decides, so it stays."
    if told["ignored"] or told["cluster_ignored"]:
        return f"{verdict} But it is ignored."
    moved = now["rule"] in ("joins", "rival", "far", "barred") and told["cluster"] is not None
    return f"{verdict} 'faceindex rematch' moves what was matched." if moved else verdict


def _average(row: Row) -> Row:
    note = "its own, without it" if row["own"] else "" if row["may_be"] else "not allowed"
    return {
        **_measured(row),
        "faces": row["faces"],
        "cluster": row["cluster"],
        "nearest averages": " ".join(part for part in (row["person"] or "", f"({note})" if note else "") if part),
    }


def _face(row: Row) -> Row:
    whom = f"{row['person']}: " if row["person"] else ""
    return {
        **_measured(row),
        "face": row["face"],
        "cluster": row["cluster"],
        "nearest faces": whom + (row["path"] or ""),
    }


def _measured(row: Row) -> Row:
    return {"d": row["distance"]} | ({"d'": row["normalised"]} if row["normalised"] is not None else {})
