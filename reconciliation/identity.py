"""Which bank line is which: a key that the same line gets in every file, so that no line is booked twice or lost."""

import re
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import accumulate
from json.encoder import encode_basestring_ascii as _quoted
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reconciliation import columns
from reconciliation.columns import Texts, nth
from reconciliation.statement import OtherAccount, Statement

_MASK: Final = re.compile(r"\*+|[xX]{3,}")
_PLAIN: Final = r"^[ !#-\[\]-~]*$"
"""Texts that JSON writes as they are."""
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
    told = [_identities(each) for each in statements]
    if not told:
        return []
    identities = pa.concat_arrays(told)
    before = nth(identities.dictionary_encode().indices.to_numpy())
    counted = columns.together(identities, "#", columns.written(before + 1))
    keys = [blake2b(each, digest_size=16).hexdigest() for each in counted.cast(pa.large_binary()).to_pylist()]
    ends = accumulate(map(len, told))
    return [
        replace(each, lines=each.lines.assign(key=pd.Series(keys[end - len(each.lines) : end], dtype="str")))
        for each, end in zip(statements, ends, strict=True)
    ]


def _identities(statement: Statement) -> Texts:
    """What each line is told by, as JSON: its serial where it has one."""
    lines, head = statement.lines, f"[{_quoted(statement.account)}, {_quoted(statement.currency)}"
    told = _written(lines, _BY_SERIAL, head)
    named = pc.not_equal(columns.texts(lines["serial"]), "")
    if pc.all(named, min_count=0).as_py():
        return told
    return pc.if_else(named, told, _written(lines, _BY_CONTENT, head))


def _written(lines: pd.DataFrame, names: Sequence[str], head: str) -> Texts:
    """The columns of each line as JSON writes them; a balance as a text, or NaN where there is none."""
    written: list[Texts | str] = [head]
    for name in names:
        if name in {"amount", "balance"}:
            figures = columns.written(lines[name])
            written.append(figures if name == "amount" else _in_quotes(figures).fill_null("NaN"))
        else:
            texts = columns.texts(lines[name])
            plain = pc.all(pc.match_substring_regex(texts, _PLAIN), min_count=0).as_py()
            written.append(_in_quotes(texts) if plain else columns.mapped(texts, _quoted))
    return columns.together(columns.together(*written, between=", "), "]")


def _in_quotes(texts: Texts) -> Texts:
    return columns.together('"', texts, '"')


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
