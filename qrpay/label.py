"""A code to print or hand out: with a caption, with a mark, as SVG, PNG or PDF.

Drawn by Typst with the letters of its own font, which stand in every file: a label looks alike wherever it is opened.
"""

import json
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final, Literal

import typst

from qrpay import symbol
from qrpay.symbol import QUIET_ZONE, Mark

Format = Literal["svg", "png", "pdf"]

SIDE_MM: Final = 40
"""The code's side with its quiet zone, unless said otherwise; an EMV code is 35 mm or more without it."""

MAX_SIDE_MM: Final = 500
CAPTION_LINES: Final = 6
CAPTION_CHARACTERS: Final = 60

_TEMPLATE: Final = Path(__file__).with_name("label.typ")


def label(
    payload: str,
    *,
    format: Format,  # noqa: A002  the word that everybody uses
    caption: Sequence[str] = (),
    mark: Mark | None = None,
    side: int = SIDE_MM,
    scale: int = 8,
) -> bytes:
    """The code and the lines of its caption, the first in bold, as a file. The same arguments give the same bytes.

    side: of the code with its quiet zone, in millimetres, for PDF and SVG. scale: pixels a module, for PNG. Raises
    ValueError for a payload, a caption or a measure that does not fit.
    """
    symbol.demand_scale(scale)
    _demand(caption, side)
    facts = {"side": side, "unit": "mm", "caption": list(caption), "title": " ".join(caption)}
    if format == "png":
        # A point a pixel, and so each module is `scale` whole ones.
        modules = symbol.symbol(payload, marked=mark is not None).symbol_size(border=QUIET_ZONE)[0]
        facts |= {"side": modules * scale, "unit": "pt"}
    inside = {
        "main": _TEMPLATE.read_bytes(),
        "code.svg": symbol.svg(payload, mark=mark),
        "facts.json": json.dumps(facts).encode("ascii"),
    }
    with as_file(files("pylopdf_fonts_zh_cn")) as fonts:
        # The machine's own fonts are left out, and the date too: a code of today is the code of tomorrow.
        drawn: bytes = typst.compile(  # type: ignore[call-overload]  # several files as a dict: its stubs lack it
            inside, format=format, ppi=72, font_paths=[fonts], ignore_system_fonts=True, timestamp=0
        )
    return drawn


def _demand(caption: Sequence[str], side: int) -> None:
    if type(side) is not int or not 1 <= side <= MAX_SIDE_MM:
        raise ValueError(f"the side is a whole number of millimetres from 1 to {MAX_SIDE_MM}; {side!r} came")
    if len(caption) > CAPTION_LINES or any(len(line) > CAPTION_CHARACTERS for line in caption):
        raise ValueError(f"a caption has at most {CAPTION_LINES} lines of {CAPTION_CHARACTERS} characters")
    wrong = next((line for line in caption if not line or not line.isprintable()), None)
    if wrong is not None:
        raise ValueError(f"a line of a caption is printable text; {wrong!r} came")
