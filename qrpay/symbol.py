"""A payload drawn as a QR code (二维码), ISO/IEC 18004, level M, with the four modules of quiet zone it asks for.

Print an EMV code with a side of 35 mm or more. An SVG has no size of its own and takes the one the page gives it.
"""

import io
from typing import Final

import segno

MAX_BYTES: Final = 2331
"""What version 40 holds in byte mode at level M (ISO/IEC 18004, Table 7)."""

MAX_SCALE: Final = 40
"""Pixels a module; above that a picture only costs memory."""

_QUIET_ZONE: Final = 4


def svg(payload: str) -> bytes:
    """The code as a scalable picture, black on white. Raises ValueError when the payload does not fit."""
    drawn = io.BytesIO()
    # Left alone, the ground is transparent, and no phone reads the code on a dark page.
    _symbol(payload).save(drawn, kind="svg", border=_QUIET_ZONE, light="white", omitsize=True)
    return drawn.getvalue()


def png(payload: str, *, scale: int = 8) -> bytes:
    """The code as pixels, `scale` to a module (1 to 40). Raises ValueError when scale or payload do not fit."""
    if type(scale) is not int or not 1 <= scale <= MAX_SCALE:
        raise ValueError(f"the scale is a whole number from 1 to {MAX_SCALE} pixels a module; {scale!r} came")
    drawn = io.BytesIO()
    _symbol(payload).save(drawn, kind="png", border=_QUIET_ZONE, light="white", scale=scale)
    return drawn.getvalue()


def _symbol(payload: str) -> segno.QRCode:
    size = len(payload.encode())
    if not 1 <= size <= MAX_BYTES:
        raise ValueError(f"a code holds 1 to {MAX_BYTES} bytes of UTF-8; {size} came")
    # Everything is said, nothing left to segno's choice: by itself it writes some Chinese as Shift_JIS, takes a micro
    # code for a short text, and raises the level where there is room, so that equal orders look different.
    return segno.make(payload, error="m", mode="byte", encoding="utf-8", micro=False, boost_error=False)
