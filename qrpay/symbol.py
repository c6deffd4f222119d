"""A payload drawn as a QR code (二维码), ISO/IEC 18004, with the four modules of quiet zone that it asks for.

Level M, so that small faults are mended; level Q where a mark covers the middle. Print an EMV code with a side of
35 mm or more. An SVG has no size of its own and takes the one the page gives it.
"""

import base64
import io
from dataclasses import dataclass, field
from typing import Final

import segno

MAX_BYTES: Final = 2331
"""What version 40 holds in byte mode at level M (ISO/IEC 18004, Table 7)."""

MAX_BYTES_WITH_MARK: Final = 1663
"""The same at level Q."""

MAX_SCALE: Final = 40
"""Pixels a module; above that a picture only costs memory."""

MARK_PERCENT: Final = 20
"""A mark takes at most this much of the side: a twenty-fifth of the modules, where level Q mends a quarter."""

MAX_MARK_BYTES: Final = 256 * 1024
QUIET_ZONE: Final = 4

_KINDS: Final = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_INSIDE: Final = "0.84"  # of the cleared square: a white rim keeps the mark from running into modules


class MarkRefused(ValueError):
    """The mark would spoil the code, or is no picture that is drawn here; the message says the limit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """An institution's mark (标志) for the middle of its codes: a PNG or JPEG, and how much of the side it takes.

    Raises MarkRefused above MARK_PERCENT of the side, and for what is no such picture.
    """

    picture: bytes = field(repr=False)
    percent: int = MARK_PERCENT

    def __post_init__(self) -> None:
        if type(self.percent) is not int or not 1 <= self.percent <= MARK_PERCENT:
            raise MarkRefused(f"a mark takes 1 to {MARK_PERCENT} percent of the code's side; {self.percent!r} came")
        if len(self.picture) > MAX_MARK_BYTES:
            raise MarkRefused(f"a mark has at most {MAX_MARK_BYTES} bytes; {len(self.picture)} came")
        if not self.media_type:
            raise MarkRefused("a mark is a PNG or a JPEG; something else came")

    @property
    def media_type(self) -> str:
        return next((kind for begin, kind in _KINDS.items() if self.picture.startswith(begin)), "")


def svg(payload: str, *, mark: Mark | None = None) -> bytes:
    """The code as a scalable picture, black on white. Raises ValueError when the payload does not fit."""
    drawn, code = io.BytesIO(), symbol(payload, marked=mark is not None)
    # Left alone, the ground is transparent, and no phone reads the code on a dark page.
    code.save(drawn, kind="svg", border=QUIET_ZONE, light="white", omitsize=True)
    if mark is None:
        return drawn.getvalue()
    return drawn.getvalue().replace(b"</svg>", _marked(code, mark).encode("ascii") + b"</svg>")


def png(payload: str, *, scale: int = 8) -> bytes:
    """The code as pixels, `scale` to a module (1 to 40). Raises ValueError when scale or payload do not fit."""
    demand_scale(scale)
    drawn = io.BytesIO()
    symbol(payload).save(drawn, kind="png", border=QUIET_ZONE, light="white", scale=scale)
    return drawn.getvalue()


def demand_scale(scale: int) -> None:
    """Raises ValueError for a scale that makes no picture."""
    if type(scale) is not int or not 1 <= scale <= MAX_SCALE:
        raise ValueError(f"the scale is a whole number from 1 to {MAX_SCALE} pixels a module; {scale!r} came")


def symbol(payload: str, *, marked: bool = False) -> segno.QRCode:
    """The modules of the payload. Raises ValueError when it does not fit."""
    size, limit = len(payload.encode()), MAX_BYTES_WITH_MARK if marked else MAX_BYTES
    if not 1 <= size <= limit:
        raise ValueError(f"a code holds 1 to {limit} bytes of UTF-8{' beside a mark' * marked}; {size} came")
    # Everything is said, nothing left to segno's choice: by itself it writes some Chinese as Shift_JIS, takes a micro
    # code for a short text, and raises the level where there is room, so that equal orders look different.
    level = "q" if marked else "m"
    return segno.make(payload, error=level, mode="byte", encoding="utf-8", micro=False, boost_error=False)


def _marked(code: segno.QRCode, mark: Mark) -> str:
    """The mark on a cleared square of whole modules in the middle, as SVG in units of modules."""
    side = code.symbol_size(border=0)[0]
    modules = max(side * mark.percent // 100, 1)
    modules -= 1 - modules % 2  # the side is odd: only an odd square has the same middle
    at = QUIET_ZONE + (side - modules) // 2
    data = f"data:{mark.media_type};base64,{base64.b64encode(mark.picture).decode('ascii')}"
    rim = f"translate({at} {at}) scale({modules}) translate(.08 .08) scale({_INSIDE})"
    return (
        f'<rect x="{at}" y="{at}" width="{modules}" height="{modules}" fill="#fff"/>'
        f'<image transform="{rim}" width="1" height="1" href="{data}"/>'
    )
