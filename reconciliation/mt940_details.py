"""What a bank tells its customer of a booking in :86: of an MT940: sub-fields, words between slashes, or free text."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_FULL: Final = 65
"""Characters of a full line of :86:. A full line was folded, and the next one goes on in the same word."""

_SUBFIELDS: Final = re.compile(r"(?:[0-9]{3})?([?<>~^+|])(?=[0-9]{2})", re.ASCII)
_KEYWORD: Final = re.compile(r"(EREF|KREF|MREF|CRED|DEBT|COAM|OAMT|SVWZ|ABWA|ABWE|IBAN|BIC|PURP|MDAT)\+", re.ASCII)
_SLASHED: Final = re.compile(r"/(EREF|NAME|IBAN|REMI|CSID|TRTP|BIC|MARF|RTRN|PREF|ORDP|BENM|ID|ACCT)/", re.ASCII)
_PURPOSES: Final = (*(str(each) for each in range(20, 30)), *(str(each) for each in range(60, 64)))

_CODES: Final = frozenset({"10", "30", "34"})
"""Batch number, the other side's bank, text key: with the business code before them, for machines of the bank."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Details:
    """The other side, its EndToEndId, the bank's own word for the booking (摘要), and everything told, for people."""

    name: str = ""
    account: str = ""
    end_to_end: str = ""
    summary: str = ""
    remark: tuple[str, ...] = ()


def details(lines: Sequence[str]) -> Details:
    """A :86: by the way in which it is written. Words without a place of their own are remark: none is lost."""
    text = _unfolded(lines)
    structured = _SUBFIELDS.match(text)
    if structured:
        return _subfields("".join(each.rstrip("\n") for each in lines), structured[1])
    if _SLASHED.match(text):
        return _slashed(text)
    return Details(remark=(" ".join(text.split()),))


def _unfolded(lines: Sequence[str]) -> str:
    return "".join(line if len(line) >= _FULL else f"{line.rstrip()} " for line in lines).strip()


def _subfields(text: str, mark: str) -> Details:
    """?00 booking text, ?10 batch number, ?20 to ?29 and ?60 to ?63 purpose, ?30 bank, ?31 account, ?32 and ?33 name.

    (Deutsche Kreditwirtschaft, DFÜ agreement, annex 3, 8.2.5; some banks write another mark than "?".)
    """
    _, *parts = re.split(rf"{re.escape(mark)}(?=[0-9]{{2}})", text)
    found: dict[str, str] = {}
    for part in parts:
        found[part[:2]] = found.get(part[:2], "") + part[2:]
    purposes = [found.pop(name) for name in _PURPOSES if name in found]
    keywords, purpose = _purpose(purposes)
    name = " ".join("".join(found.pop(each, "") for each in ("32", "33")).split())
    account, summary = found.pop("31", "").strip(), found.pop("00", "").strip()
    rest = [value.strip() for key, value in found.items() if key not in _CODES]
    return Details(
        name=name,
        account=account or keywords.get("IBAN", ""),
        end_to_end=_known(keywords.get("EREF", "")),
        summary=summary,
        remark=(*purpose, summary, *rest),
    )


def _purpose(parts: Sequence[str]) -> tuple[Mapping[str, str], list[str]]:
    """Words like EREF+ begin a sub-field, and what follows goes on to the next word. Without any, each is a line."""
    if not any(_KEYWORD.match(each) for each in parts):
        return {}, [each.strip() for each in parts]
    runs: list[str] = []
    for each in parts:
        if _KEYWORD.match(each) or not runs:
            runs.append(each)
        else:
            runs[-1] += each
    keywords = {each[:4].rstrip("+"): each.partition("+")[2].strip() for each in runs if _KEYWORD.match(each)}
    return keywords, [each.removeprefix("SVWZ+").strip() for each in runs]


def _slashed(text: str) -> Details:
    """/EREF/…//NAME/…/: words between slashes, as Dutch and some other banks write."""
    _, *pairs = _SLASHED.split(text)
    found = {name: value.strip(" /") for name, value in zip(pairs[::2], pairs[1::2], strict=True)}
    return Details(
        name=found.get("NAME", ""),
        account=found.get("IBAN", ""),
        end_to_end=_known(found.get("EREF", "")),
        remark=(" ".join(text.split()),),
    )


def _known(reference: str) -> str:
    return "" if reference in {"NOTPROVIDED", "NONREF"} else reference
