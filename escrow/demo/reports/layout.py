"""Tables as they are printed: a title in both languages, amounts to the right."""

from typing import Literal

from rich import box
from rich.table import Table

from escrow.demo.yuan import yuan


def table(title: str, *, lines: bool = False, caption: str | None = None) -> Table:
    """An empty table; with `lines`, a line between its rows."""
    return Table(
        title=f"\n{title}",
        title_style="bold",
        title_justify="left",
        caption=caption,
        caption_justify="left",
        box=box.HORIZONTALS if lines else box.SIMPLE_HEAD,
        show_lines=lines,
        pad_edge=False,
        header_style="bold",
    )


def right(of: Table, *headers: str) -> None:
    """Add columns of amounts or counts."""
    _columns(of, headers, "right")


def left(of: Table, *headers: str) -> None:
    """Add columns of words."""
    _columns(of, headers, "left")


def _columns(of: Table, headers: tuple[str, ...], justify: Literal["left", "right"]) -> None:
    for header in headers:
        of.add_column(header, justify=justify, no_wrap=justify == "right", overflow="fold")


def amount(fen: int) -> str:
    """An amount in a cell; nothing is shown as a dash, so that what is there can be seen."""
    return yuan(fen) if fen else "–"
