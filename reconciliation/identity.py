"""Which bank line is which: a key that the same line gets in every file, so that no line is booked twice or lost."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Final

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
    seen: Counter[str] = Counter()
    return [replace(each, lines=each.lines.assign(key=_keys(each, seen))) for each in statements]


def _keys(statement: Statement, seen: Counter[str]) -> list[str]:
    lines = statement.lines
    by_serial = zip(*(lines[name].tolist() for name in _BY_SERIAL), strict=True)
    balances = lines["balance"].astype("str").tolist()
    contents = (balances if name == "balance" else lines[name].tolist() for name in _BY_CONTENT)
    keys = []
    for identity, content in zip(by_serial, zip(*contents, strict=True), strict=True):
        text = json.dumps([statement.account, statement.currency, *(identity if identity[0] else content)])
        seen[text] += 1
        keys.append(blake2b(f"{text}#{seen[text]}".encode(), digest_size=16).hexdigest())
    return keys


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
