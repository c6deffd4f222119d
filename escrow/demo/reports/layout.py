"""Tables as they are printed: a title in both languages, amounts to the right."""

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
    """Add columns of amounts or counts, never broken: half an amount is another amount."""
    for header in headers:
        of.add_column(header.replace(" ", "\n", 1), justify="right", no_wrap=True)


def name(of: Table, *headers: str) -> None:
    """Add columns of names and days, which stay in one piece."""
    for header in headers:
        of.add_column(header, no_wrap=True)


def words(of: Table, *headers: str) -> None:
    """Add columns of words."""
    for header in headers:
        of.add_column(header, overflow="fold")


def amount(fen: int) -> str:
    """An amount in a cell; nothing is shown as a dash, so that what is there can be seen."""
    return yuan(fen) if fen else "–"
