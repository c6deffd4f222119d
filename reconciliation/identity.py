"""Which bank line is which: a key that the same line gets in every file, so that no line is booked twice or lost."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b
from json.encoder import encode_basestring_ascii as _quoted
from typing import Final

import pandas as pd

from reconciliation.statement import OtherAccount, Statement

_MASK: Final = re.compile(r"\*+|[xX]{3,}")
_BY_SERIAL: Final = ("serial", "booked_on", "amount")
_BY_CONTENT: Final = (
    *("booked_on", "booked_at", "amount", "balance"),
    *("remark", "counterparty", "counterparty_account"),
)


def keyed(statements: Sequence[Statement]) -> list[Statement]:
    """The statements of one file with their lines' keys filled in.

    With a bank serial the key is account, serial, date and amount: banks give a transfer and its fee one serial, so
    the serial alone would lose a line. Without one it is account, date, time, amount, balance and texts. Either way
    the occurrence number *within the file* is added, so two equal rows stay two and the same file again, or one that
    overlaps it by whole days, gives the same keys. Two files that each hold one of two lines equal in all of this
    cannot be told from a repeat; only the balances can (`control.gap`).
    """
    seen: dict[str, int] = {}
    return [replace(each, lines=each.lines.assign(key=_keys(each, seen))) for each in statements]


def _keys(statement: Statement, seen: dict[str, int]) -> list[str]:
    lines = statement.lines
    head = f"[{_quoted(statement.account)}, {_quoted(statement.currency)}"
    serials = lines["serial"].tolist()
    identities: Iterable[tuple[str, ...]] = _written(lines, _BY_SERIAL)
    if "" in serials:
        both = zip(serials, identities, _written(lines, _BY_CONTENT), strict=True)
        identities = (identity if serial else content for serial, identity, content in both)
    keys = []
    for identity in identities:
        text = f"{head}, {', '.join(identity)}]"
        seen[text] = nth = seen.get(text, 0) + 1
        keys.append(blake2b(f"{text}#{nth}".encode(), digest_size=16).hexdigest())
    return keys


def _written(lines: pd.DataFrame, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The columns of each line as JSON writes them; a balance as a text, or NaN where there is none."""
    columns: list[Iterable[str]] = []
    for name in names:
        if name == "balance":
            missing = lines[name].isna().tolist()
            told = zip(missing, lines[name].fillna(0).tolist(), strict=True)
            columns.append(["NaN" if absent else f'"{value}"' for absent, value in told])
        else:
            columns.append(map(str if name == "amount" else _quoted, lines[name].tolist()))
    return zip(*columns, strict=True)


def claimed(in_file: str, given: str | None) -> str:
    """The account a file is of: what the caller says, provided the file does not name another.

    The file may mask it ("1234****9876"): a run of * or of at least three x stands for any digits. Raises OtherAccount.
    """
    if given is None or not in_file:
        return given or in_file
    if not _fits(_MASK.split(in_file), given):
        raise OtherAccount(
            f"the file is of account {in_file}, it was handed in for {given}; hand it in for its own account",
            f"文件属于账户 {in_file}，却作为 {given} 的对账单提交；请在对应账户下提交",
            expected=given,
            found=in_file,
        )
    return given


def _fits(parts: list[str], number: str) -> bool:
    """Whether the number shows these parts in order, the first at its start and the last at its end."""
    first, *middle, last = parts if len(parts) > 1 else [*parts, ""]
    if len(parts) == 1:
        return number == first
    end = len(number) - len(last)
    at = len(first) if number.startswith(first) and number.endswith(last) else end + 1
    for part in middle:
        found = number.find(part, at, max(end, 0))
        at = end + 1 if found < 0 else found + len(part)
    return at <= end
