"""A matplotlib figure as an SVG element that can stand inside a page."""

from __future__ import annotations

import hashlib
import io
import re
from xml.etree import ElementTree

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

FONT_STACK = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', Arial, sans-serif"

# All None: no date, no versions, no addresses; the same figure gives the same bytes.
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))

_HREF = "{http://www.w3.org/1999/xlink}href"
_DECIMALS = re.compile(r"(-?\d+\.\d{2})\d+")
_REFERENCE = re.compile(r"(?<=url\(#)\w+(?=\))|(?<=^#)\w+$")
_FONT = re.compile(r"font-family: [^;]*|font: (?P<size>[\d.]+px)[^;]*")


def svg_element(figure: Figure, label: str) -> str:
    """The figure as one `<svg>` element that says `label` to a screen reader.

    It has no style sheet, no metadata and no address in it, and its ids are unique to its
    content, so that several can stand in one page.
    """
    buffer = io.StringIO()
    FigureCanvasSVG(figure).print_svg(buffer, metadata=_NO_METADATA)
    text = buffer.getvalue()
    root = ElementTree.fromstring(text[text.index("<svg") :])
    prefix = "f" + hashlib.sha256((label + text).encode()).hexdigest()[:10]
    for element in root.iter():
        _tidy(element)
    _rename_ids(root, prefix)
    _remove_styles(root)
    box = root.get("viewBox", "")
    root.attrib.clear()
    root.attrib.update(
        {"viewBox": box, "role": "img", "aria-label": label, "font-family": FONT_STACK}
        | {"stroke-linejoin": "round", "stroke-linecap": "butt"}
    )
    return ElementTree.tostring(root, encoding="unicode")


def _tidy(element: ElementTree.Element) -> None:
    """Drop namespaces, needless digits and line breaks; let the page choose the font."""
    element.tag = element.tag.rpartition("}")[2]
    element.text = (element.text or "").strip()
    element.tail = ""
    if _HREF in element.attrib:
        element.set("href", element.attrib.pop(_HREF).replace("\n", ""))
    if "d" in element.attrib:
        element.set("d", _DECIMALS.sub(r"\1", " ".join(element.attrib["d"].split())))
    for name in ("x", "y", "transform"):
        if name in element.attrib:
            element.set(name, _DECIMALS.sub(r"\1", element.attrib[name]))
    if element.tag == "image":
        element.set("style", "image-rendering: pixelated")
    if element.tag == "text":
        element.set("style", _FONT.sub(_font_size, element.get("style", "")))


def _font_size(match: re.Match[str]) -> str:
    return f"font-size: {match['size']}" if match["size"] else "font-family: inherit"


def _rename_ids(root: ElementTree.Element, prefix: str) -> None:
    """Keep the ids that something refers to, under names of this figure alone."""
    used: dict[str, str] = {}

    def renamed(match: re.Match[str]) -> str:
        return used.setdefault(match[0], f"{prefix}-{len(used)}")

    for element in root.iter():
        # Of repeated shapes, of clipping paths, and of hatches, which stand in a style.
        for name in ("href", "clip-path", "style"):
            if name in element.attrib:
                element.set(name, _REFERENCE.sub(renamed, element.attrib[name]))
    for element in root.iter():
        name = element.attrib.pop("id", "")
        if name in used:
            element.set("id", used[name])


def _remove_styles(root: ElementTree.Element) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == "style":
                parent.remove(child)
