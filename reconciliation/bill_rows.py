"""A channel's bill taken apart: which profile it has, its rows, and what it states around them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from reconciliation import bill_profiles
from reconciliation.bill_profiles import BillProfile
from reconciliation.decoding import decodings
from reconciliation.profiles import heading
from reconciliation.stated import Said
from reconciliation.statement import BadRow

HEAD: Final = 1 << 16
"""Bytes, and characters, in which a header is looked for."""

FEN: Final = re.compile(r"([CD]?)([0-9]{1,15})")
"""An amount in fen with leading zeros, with C (credit) or D (debit to the merchant) before it where it has a sign."""

_HEADER_ROWS: Final = 30
_ZEROS: Final = re.compile(r"(-?[0-9]+\.[0-9]{2})0+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A row with its line in the file; its cells by the profile's names."""

    number: int
    cells: dict[str, str]


def recognised(data: bytes) -> tuple[BillProfile, str] | None:
    """The profile and the text; of rows of fixed width each byte as one character, for their widths are bytes."""
    for profile in bill_profiles.known():
        if profile.widths and _is_fixed(data.split(b"\n", 1)[0].decode("latin-1"), profile):
            return profile, data.decode("latin-1")
    for text in decodings(data):
        heads = [_names(line) for line in text[:HEAD].split("\n", _HEADER_ROWS)[:_HEADER_ROWS]]
        for profile in bill_profiles.known():
            if profile.header and profile.fingerprint in heads:
                return profile, text
    return None


def parted(text: str, profile: BillProfile) -> tuple[list[Row], list[tuple[int, str]]]:
    """The rows, and the lines around them with their numbers. Raises BadRow where a row has other cells."""
    rows: list[Row] = []
    around: list[tuple[int, str]] = []
    inside, closed = bool(profile.widths), False
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.rstrip("\r")
        closes = not line.startswith("`") if profile.cells == "backtick" else line.startswith("#")
        if not line.strip():
            continue
        if not inside:
            inside = _names(line) == profile.fingerprint
            around += [] if inside else [(number, line)]
        elif closes or (closed and profile.cells == "backtick"):
            closed = True
            around.append((number, line))
        elif closed:
            raise bad_row(number, "a row below the totals; download the bill again", "合计之后还有明细；请重新下载")
        else:
            cells = _split(line, number, profile)
            rows.append(Row(number=number, cells=dict(zip(profile.columns, cells, strict=True))))
    return rows, around


def summary(around: Sequence[tuple[int, str]], profile: BillProfile) -> dict[str, Said]:
    """The totals that stand under a second header. Raises BadRow where there is more or less than the two lines."""
    wanted = set(profile.summary.values())
    at = next((at for at, (_, line) in enumerate(around) if wanted <= set(line.split(","))), None)
    if not wanted or at is None:
        return {}
    number, line = around[at]
    names, below = line.split(","), around[at + 1 :]
    found = [cell.strip() for _, cells in below for cell in cells.removeprefix("`").split(",`")]
    if len(below) != 1 or len(found) != len(names):
        raise bad_row(number, "not one row of totals stands below their header", "合计表头之下不是恰好一行合计")
    told = dict(zip(names, found, strict=True))
    return {
        name: Said(row=number + 1, cell=column, text=yuan(told[column])) for name, column in profile.summary.items()
    }


def yuan(text: str) -> str:
    """The amount without zeros below the fen, which channels write after a fee that they have rounded to the fen."""
    return _ZEROS.sub(r"\1", text)


def bad_row(number: int, english: str, chinese: str) -> BadRow:
    """The refusal that names the row."""
    return BadRow(f"row {number}: {english}", f"第 {number} 行：{chinese}", number=number)


def _names(line: str) -> tuple[str, ...]:
    return tuple(map(heading, line.split(",")))


def _is_fixed(line: str, profile: BillProfile) -> bool:
    """Whether a blank stands between all fields and nothing but an amount where the amounts are."""
    ends = list(accumulate(width + 1 for width in profile.widths.values()))
    if len(line) < ends[-1] - 1 or any(line[end - 1] != " " for end in ends[:-1]):
        return False
    cells = dict(zip(profile.widths, _cut(line, profile), strict=True))
    return all(FEN.fullmatch(cells[name]) for name in (profile.amounts.payment, profile.amounts.fee))


def _split(line: str, number: int, profile: BillProfile) -> list[str]:
    match profile.cells:
        case "fixed":
            cells = _cut(line, profile)
        case "backtick":
            cells = [cell.strip() for cell in line.removeprefix("`").split(",`")]
        case "comma":
            cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != len(profile.columns):
        count, found = len(profile.columns), len(cells)
        raise bad_row(number, f"{found} cells where the header has {count}", f"有 {found} 格，表头有 {count} 列")
    return cells


def _cut(line: str, profile: BillProfile) -> list[str]:
    """The fields of a line of fixed width, as far as it goes. Raises BadRow on bytes that are no GB18030."""
    cells, at = [], 0
    for width in profile.widths.values():
        if at < len(line):
            cells.append(line[at : at + width].encode("latin-1").decode("gb18030", errors="replace").strip())
        at += width + 1
    return cells
