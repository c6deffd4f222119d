"""Bytes of a bank's file as text: a byte order mark decides, else what comes out must look like something known."""

import codecs
from collections.abc import Iterator
from typing import Final

from reconciliation import mt940_fields

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decodings(data: bytes) -> Iterator[str]:
    """The texts that the bytes can be: the one a BOM names, else strict UTF-8, UTF-16, GB18030. A header decides."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            text = strict(data.removeprefix(mark), encoding)
            return (yield from () if text is None else (text,))
    for encoding in ("utf-8", "utf-16-le", "utf-16-be", "gb18030"):
        text = strict(data, encoding)
        if text is not None:
            yield text
    latin = strict(data, "latin-1")  # fits anything: only where the fields of an MT940 stand in it
    if latin is not None and mt940_fields.recognised(latin):
        yield latin
    return None


def strict(data: bytes, encoding: str) -> str | None:
    """The text, or None: when a byte does not fit, or when it holds NUL, which no bank's text does."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
