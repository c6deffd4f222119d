"""Printed matter: facts set into a Typst template, as a PDF; the same facts give the same bytes."""

import json
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

import typst

SANS: Final = "Noto Sans SC"
SERIF: Final = "Noto Serif SC"
"""The two families that stand ready. They come in a wheel, so that no machine prints without Chinese letters."""


def printed(
    template: Path, facts: Mapping[str, object], *, at: datetime, pictures: Mapping[str, bytes] | None = None
) -> bytes:
    """The template with its facts, as PDF.

    template: a .typ file; it finds the facts by `json("/facts.json")` and a picture by `image("/name.svg")`.
    facts: whatever JSON can hold; money and dates already as people read them. at: the document's date, aware.
    Raises ValueError when a fact is none that JSON holds, and typst.TypstError for a template with a mistake in it.
    """
    inside = {
        "main": template.read_bytes(),
        "facts.json": json.dumps(facts, ensure_ascii=False, allow_nan=False).encode(),
        **(pictures or {}),
    }
    with as_file(files("pylopdf_fonts_zh_cn")) as fonts:
        # The machine's own fonts are left out: the same facts must look alike everywhere, and for ever.
        made: bytes = typst.compile(  # type: ignore[call-overload]  # several files as a dict: its stubs lack it
            inside, font_paths=[fonts], ignore_system_fonts=True, timestamp=int(at.timestamp())
        )
    return made
