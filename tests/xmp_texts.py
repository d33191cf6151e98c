"""XMP written out by hand, as one program or another spells it."""

from __future__ import annotations

RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
SPACES = """xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
 xmlns:digiKam="http://www.digikam.org/ns/1.0/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:mwg-kw="http://www.metadataworkinggroup.com/schemas/keywords/"
 xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#" xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#"
 xmlns:MP="http://ns.microsoft.com/photo/1.2/" xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#"
 xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#" xmlns:acdsee-rs="http://ns.acdsee.com/regions/"
 xmlns:acdsee-stArea="http://ns.acdsee.com/sType/Area#" xmlns:acdsee-stDim="http://ns.acdsee.com/sType/Dimensions#" """


def packet(content: str, attributes: str = "") -> bytes:
    """A packet with one description."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        f' <rdf:RDF {RDF}>\n  <rdf:Description rdf:about="" {SPACES}{attributes}>\n{content}\n  </rdf:Description>\n'
        ' </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>'
    ).encode()


def area(x: float | str, y: float | str, w: float | str, h: float | str, unit: str = "normalized") -> str:
    return f'<mwg-rs:Area stArea:x="{x}" stArea:y="{y}" stArea:w="{w}" stArea:h="{h}" stArea:unit="{unit}"/>'


def face(name: str | None, place: str, kind: str | None = "Face") -> str:
    """A region as Lightroom and Picasa spell it."""
    named = f' mwg-rs:Name="{name}"' if name is not None else ""
    typed = f' mwg-rs:Type="{kind}"' if kind is not None else ""
    return f"<rdf:li><rdf:Description{named}{typed}>{place}</rdf:Description></rdf:li>"


def mwg(*regions: str, size: tuple[int, int] | None = (4000, 3000)) -> str:
    """Metadata Working Group regions."""
    applied = (
        f'<mwg-rs:AppliedToDimensions stDim:w="{size[0]}" stDim:h="{size[1]}" stDim:unit="pixel"/>' if size else ""
    )
    return (
        f'<mwg-rs:Regions rdf:parseType="Resource">{applied}<mwg-rs:RegionList><rdf:Bag>{"".join(regions)}'
        "</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"
    )


def microsoft(*regions: tuple[str | None, str | None]) -> str:
    """Microsoft regions: name and rectangle."""
    members = "".join(
        "<rdf:li"
        + (f' MPReg:PersonDisplayName="{name}"' if name is not None else "")
        + (f' MPReg:Rectangle="{rectangle}"' if rectangle is not None else "")
        + "/>"
        for name, rectangle in regions
    )
    return (
        f"<MP:RegionInfo><rdf:Description><MPRI:Regions><rdf:Bag>{members}</rdf:Bag></MPRI:Regions>"
        "</rdf:Description></MP:RegionInfo>"
    )


def listed(name: str, *values: str, kind: str = "Bag") -> str:
    """A list of simple values."""
    members = "".join(f"<rdf:li>{value}</rdf:li>" for value in values)
    return f"<{name}><rdf:{kind}>{members}</rdf:{kind}></{name}>"


THEIR_ANNA = face("Anna", area(0.3, 0.4, 0.2, 0.1))
FOREIGN = {  # what other programs leave in a sidecar
    "keywords": listed("dc:subject", "Sea", "Holiday") + listed("lr:hierarchicalSubject", "Places|Rome"),
    "a title": '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">A &amp; B</rdf:li></rdf:Alt></dc:title>',
    "a region": mwg(face("Carl", area(0.8, 0.2, 0.1, 0.1))),
    "a region for another size": mwg(face("Carl", area(0.8, 0.2, 0.1, 0.1)), size=(400, 300)),
    "a region before it was cropped": mwg(face("Carl", area(0.8, 0.2, 0.1, 0.1)), size=(300, 300)),
    "a region without a size": mwg(face("Carl", area(0.8, 0.2, 0.1, 0.1)), size=None),
    "a pet": mwg(face("Rex", area(0.3, 0.4, 0.2, 0.1), "Pet")),
    "nobody": mwg(face(None, area(0.3, 0.4, 0.2, 0.1))) + microsoft((None, "0.2, 0.35, 0.2, 0.1")),
    "Microsoft's": microsoft(("Dora", "0.1, 0.1, 0.1, 0.1"), ("Emil", None)),
    "Anna herself": mwg(THEIR_ANNA) + listed("Iptc4xmpExt:PersonInImage", "Anna"),
    "a comment": "<!-- by hand --><?program did this?>",
    "a single keyword": "<dc:subject>Sea</dc:subject>",
    "fields of their own": f"""<mwg-rs:Regions xmlns:my="urn:my" rdf:parseType="Resource"><my:note>x</my:note>
        <mwg-rs:RegionList><rdf:Bag>{THEIR_ANNA}</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>""",
    "nothing": "",
}
