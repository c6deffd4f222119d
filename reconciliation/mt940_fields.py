"""An MT940 file cut into messages and fields, each with its line in the file; what is no field of one is refused."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from reconciliation.statement import BadRow

_FIELD: Final = re.compile(r":([0-9]{2}[A-Z]?|NS):(.*)", re.ASCII)
_END: Final = re.compile(r"-(?:XXX|\}.*)?")
_BEGINS: Final = re.compile(r"\A\s*(?:\{1:F|(?:[^:{<,\n]{0,40}\n){0,4}:20:|:[0-9]{2}[A-Z]?:)", re.ASCII)

_SINGLE: Final = {
    "20": "20",
    "25": "25",
    "25P": "25",
    "28": "28",
    "28C": "28",
    "60F": "60",
    "60M": "60",
    "62F": "62",
    "62M": "62",
}
_OTHERS: Final = frozenset({"13", "13D", "21", "61", "64", "65", "86", "90C", "90D", "NS"})
_LONG: Final = frozenset({"25P", "61", "86", "NS"})
"""Fields that may have more than one line."""


class Field(NamedTuple):
    """One field of a message: its tag, its lines, and where the first stands in the file."""

    tag: str
    lines: list[str]
    at: int


def recognised(text: str) -> bool:
    """Whether the text begins as an MT940 does: with its envelope, or with a field after a bank's few words."""
    return _BEGINS.match(text[:1000].replace("\r\n", "\n")) is not None


def messages(text: str) -> Iterator[list[Field]]:
    """The fields of each message, from its :20: on. What stands between messages is the envelope's. Raises BadRow."""
    fields: list[Field] = []
    for at, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        found = _FIELD.fullmatch(line)
        if fields and (_END.fullmatch(line) or (found and found[1] == "20")):
            yield fields
            fields = []
        if found:
            fields.append(_field(found, at, first=not fields))
        elif fields:
            fields[-1].lines.append(line)
    if fields:
        yield fields


def single(fields: Sequence[Field]) -> dict[str, Field]:
    """The fields that a message has once, by number: 20, 25, 60, 62 and, where there is one, 28. Raises BadRow."""
    found: dict[str, Field] = {}
    for field in fields:
        name = _SINGLE.get(field.tag)
        if name is not None and name in found:
            raise bad(field.at, f":{field.tag}: stands there twice", f":{field.tag}: 出现两次")
        if name is not None:
            found[name] = field
        if field.tag not in _LONG and any(line.strip() for line in field.lines[1:]):
            raise bad(field.at, f":{field.tag}: goes on in the next line; it has one", f":{field.tag}: 应只有一行")
    for name, english in (("25", "the account"), ("60", "the opening balance"), ("62", "the closing balance")):
        if name not in found:
            raise bad(
                fields[-1].at,
                f"the message ends here without :{name}: ({english}); it was cut off, fetch the file again",
                f"报文到此结束而没有 :{name}:，文件可能被截断；请重新下载",
            )
    return found


def bookings(fields: Sequence[Field]) -> Iterator[tuple[Field, Sequence[str]]]:
    """Each :61: with the lines of the :86: right after it. One outside of the balances is refused. Raises BadRow."""
    within = False
    for field, after in pairwise([*fields, Field("", [], 0)]):
        if field.tag in {"60F", "60M", "62F", "62M"}:
            within = field.tag.startswith("60")
        if field.tag == "61":
            if not within:
                raise bad(field.at, ":61: does not stand between the balances", ":61: 不在期初与期末余额之间")
            yield field, after.lines if after.tag == "86" else ()


def bad(at: int, english: str, chinese: str) -> BadRow:
    """The refusal that names a line of the file."""
    return BadRow(f"line {at}: {english}", f"第 {at} 行：{chinese}", number=at)


def _field(found: re.Match[str], at: int, *, first: bool) -> Field:
    tag = found[1]
    if first and tag != "20":
        raise bad(at, f":{tag}: stands before any :20:", f":{tag}: 之前没有 :20:")
    if tag not in _SINGLE and tag not in _OTHERS:
        raise bad(at, f":{tag}: is no field of an MT940", f":{tag}: 不是 MT940 的字段")
    return Field(tag, [found[2]], at)
