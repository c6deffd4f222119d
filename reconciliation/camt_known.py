"""Entries with the very tags of one that the parser took: read from the text, several times faster than parsed anew.

A bank's program writes entry after entry with the same tags and other texts. What stands right behind an entry, with
the same tags in the same order and nothing but plain text between, is a well-formed entry of the same shape in the
same place, and the parser may be spared it. Whatever is not so for certain goes to the parser.
"""

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final

from reconciliation.camt_shape import REMEMBERED, Element, Shape, Written, local

_BEGIN: Final = re.compile(r"<(?:[^<>:/\s]*:)?Ntry(?=[\s>])")
_NAME: Final = r"(?:[A-Za-z_]\w*:)?[A-Za-z_]\w*"
_TAG: Final = re.compile(
    rf"""/{_NAME}\s*|(?P<name>{_NAME})(?:\s+{_NAME}\s*=\s*(?:"[^"&]*"|'[^'&]*'))*+\s*(?P<alone>/?)""", re.ASCII
)
"""A tag between < and >, so narrowly that no comment, CDATA section or instruction can begin, hold or end with it."""

_SPACE: Final = " \t\r\n"
_PLAIN: Final = bytes(set(range(0x20, 0x100)) - set(b"<>&")) + _SPACE.encode()
"""Bytes of plain text in UTF-8: no bracket, no reference, no control character."""

_GAP: Final = r"[^<>&\x00-\x08\x0b\x0c\x0e-\x1f]*+"
_TEXT: Final = r"([^<>&\x00-\x08\x0b-\x1f]*+)"
"""Plain text that is wanted: without carriage return, which XML may take for a line's end or not."""

_REFERENCE: Final = re.compile(r"&(?:(lt|gt|quot|apos|amp)|#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6}));")
_CHARACTERS: Final = {"lt": "<", "gt": ">", "quot": '"', "apos": "'", "amp": "&"}
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML 1.0 may hold, not even by reference (2.2)."""

_MOST: Final = 512
"""Tags of so many kinds of entries are remembered at once."""

MANY: Final = 1000
"""Entries of one kind that make a pattern worth its making: it costs as much as to read a thousand."""


@dataclass(slots=True)
class _Kind:
    """Entries with the same tags: `brackets` are what is not plain text in them, `pick` takes the wanted texts.

    `pattern` fits most of them, as soon as they are many: in half the time.
    """

    brackets: bytes
    pick: Callable[[list[str]], tuple[str, ...]]
    shape: Shape
    currencies: tuple[str, ...]
    seen: int = 0
    pattern: re.Pattern[str] | None = None


@dataclass(kw_only=True, slots=True)
class Known:
    """The kinds of entries of one document, by their tags."""

    _kinds: dict[str, _Kind] = field(default_factory=dict)
    _prefixes: Mapping[str | None, str] = field(default_factory=dict)
    _last: _Kind | None = None

    def within(self, account: Element) -> None:
        """The entries to come stand there. What is known holds only where prefixes mean the same."""
        if account.nsmap != self._prefixes:
            self._kinds.clear()
            self._prefixes, self._last = account.nsmap, None

    def again(self, text: str, at: int, line: int) -> tuple[Written, int] | None:
        """An entry of the same kind as the last one, if that is what begins there, on that line, and where it ends."""
        kind = self._last
        if kind is None or kind.pattern is None or not (found := kind.pattern.match(text, at)):
            return None
        blank, *texts = found.groups()
        return Written(kind.shape, [*map(str.strip, texts), ""], kind.currencies, line + blank.count("\n")), found.end()

    def read(self, source: str, line: int) -> Written | None:
        """The entry that is all of the source but white space before it, which begins on that line; None if unsure."""
        parts = source.replace(">", "<").split("<")
        tags = _tags(parts)
        kind = self._kinds.get(tags)
        if kind is None or parts[0].strip(_SPACE):
            return None
        texts, odd = kind.pick(parts), source.encode().translate(None, _PLAIN)
        if odd != kind.brackets:
            if odd.replace(b"&", b"") != kind.brackets or not _referring(source):
                return None
            texts = tuple(_REFERENCE.sub(_character, each) if "&" in each else each for each in texts)
        if "\r" in source and any("\r" in each for each in texts):
            return None
        self._last = kind
        kind.seen += 1
        if kind.seen == MANY:
            kind.pattern = _pattern(tags, kind.shape)
        return Written(kind.shape, tuple(map(str.strip, texts)), kind.currencies, line + parts[0].count("\n"))

    def learn(self, source: str, entry: Element, written: Written) -> None:
        """Remember the tags of a parsed entry, with whose end tag the source ends."""
        if written.shape.size > REMEMBERED or not written.shape.places or "<!" in source or "<?" in source:
            return
        begin = max((found.start() for found in _BEGIN.finditer(source)), default=0)
        parts = source[begin:].replace(">", "<").split("<")
        if _tags(parts) in self._kinds:
            return
        tags = [_TAG.fullmatch(each) for each in parts[1::2]]
        brackets, odd = b"<>" * len(tags), source[begin:].encode().translate(None, _PLAIN).replace(b"&", b"")
        elements = [(at, tag) for at, tag in enumerate(tags) if tag and tag["name"]]
        names = [tag["name"].rpartition(":")[2] for _, tag in elements]
        if odd != brackets or not all(tags) or names != [local(each) for each in entry.iter()]:
            return
        if len(self._kinds) == _MOST:
            self._kinds.clear()
        # The text of an element stands behind its start tag; that of one without end tag is as empty as the last part.
        texts = [-1 if tag["alone"] else 2 * at + 2 for at, tag in elements]
        pick = itemgetter(*(texts[place] for place in written.shape.places), -1)
        self._kinds[_tags(parts)] = _Kind(brackets, pick, written.shape, tuple(written.currencies))


def _pattern(tags: str, shape: Shape) -> re.Pattern[str]:
    """Fits an entry of these tags that refers to no character; groups: the white space before it, each wanted text."""
    wanted, made, elements = set(shape.places), [f"([{_SPACE}]*+)"], 0
    for tag in tags.split("<"):
        begins = not tag.startswith("/")
        # What stands in an element without end tag would be behind it: it is not wanted, and its group empty.
        gap = f"(){_GAP}" if tag.endswith("/") else _TEXT
        made.append(f"<{re.escape(tag)}>{gap if begins and elements in wanted else _GAP}")
        elements += begins
    return re.compile("".join(made).removesuffix(_GAP))


def _tags(parts: list[str]) -> str:
    return "<".join(parts[1::2])


def _referring(source: str) -> bool:
    """Whether each & begins a reference to a character that may be there."""
    references = list(_REFERENCE.finditer(source))
    return len(references) == source.count("&") and not any(_FORBIDDEN.search(_character(each)) for each in references)


def _character(reference: re.Match[str]) -> str:
    name, decimal, hexadecimal = reference.groups()
    if name:
        return _CHARACTERS[name]
    code = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(code) if code <= sys.maxunicode else "\0"
