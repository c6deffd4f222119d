"""The bank's messages in ISO 20022: camt.053 (statement), .052 (intraday report) and .054 (notification), all versions.

A document may have a namespace or none, and stand in any envelope. It is read as it streams by, an entry at a time.
"""

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final, cast

from reconciliation.camt_account import Account, currency_of, page
from reconciliation.camt_entry import Line
from reconciliation.camt_entry import read as read_entry
from reconciliation.camt_lines import Lines
from reconciliation.camt_shape import Element, Written, local
from reconciliation.camt_stream import KINDS, Stream
from reconciliation.noted import Noted
from reconciliation.pages import joined
from reconciliation.statement import NotAStatement, Statement, TooLarge

MAX_ENTRIES: Final = 5_000_000
"""Entries of one document."""

_CHUNK: Final = 1 << 16


def read(text: str) -> list[Statement]:
    """Every account's part of a decoded document, keys still empty, totals stated in it checked.

    Raises DoctypeRefused, NotAStatement, BadRow (an entry that cannot be read exactly), ControlTotalsBroken, TooLarge.
    """
    return _collected(text[at : at + _CHUNK] for at in range(0, len(text), _CHUNK))


def read_stream(source: BinaryIO, *, encoding: str = "utf-8") -> list[Statement]:
    """As `read`, from an open file: what it takes in memory is its lines."""
    return _collected(decoded(source, encoding))


def decoded(source: BinaryIO, encoding: str) -> Iterator[str]:
    """The file's text, piece by piece. Raises NotAStatement at a byte that does not fit the encoding."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        while data := source.read(_CHUNK):
            yield decoder.decode(data)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise NotAStatement(
            f"the XML is not in the encoding {encoding}; fetch the file again", f"XML 的编码不是 {encoding}；请重新下载"
        ) from None


def walk(text: Iterable[str]) -> Iterator[Line | Account]:
    """The booked lines of a document as the bank states them, each account's followed by what it says of itself.

    Flat: nothing that was given away is kept. Nothing counts before the whole was read without a refusal.
    """
    stream, state = Stream(text), _Walk()
    for each in stream:
        if isinstance(each, Written):
            yield from state.entry(each, cast(Element, stream.account))
        else:
            yield state.account(each)
    if not state.found:
        raise NotAStatement(
            "the XML holds no statement (Stmt, Rpt or Ntfctn); send a camt.053",
            "XML 中没有对账单（Stmt、Rpt、Ntfctn）；请提交 camt.053 文件",
        )


def _collected(text: Iterable[str]) -> list[Statement]:
    pages, lines = [], Lines()
    for each in walk(text):
        if isinstance(each, Line):
            lines.add(each)
        else:
            pages.append(page(each, lines))
            lines = Lines()
    return joined(pages)


@dataclass(kw_only=True, slots=True)
class _Walk:
    """Where the reading is: in which account's part, at which entry of it."""

    noted: Noted = field(default_factory=Noted)
    currency: str = ""
    count: int = 0
    total: int = 0
    found: bool = False

    def entry(self, written: Written, within: Element) -> list[Line]:
        self.count += 1
        self.total += 1
        if self.total > MAX_ENTRIES:
            raise TooLarge(
                f"the document has more than {MAX_ENTRIES} entries; export a shorter period",
                f"文件超过 {MAX_ENTRIES} 笔；请缩短导出期间",
                limit=MAX_ENTRIES,
            )
        if self.count == 1:
            self.currency = currency_of(within, written.currencies[written.shape.currency])
        return read_entry(written, number=self.count, currency=self.currency, noted=self.noted)

    def account(self, element: Element) -> Account:
        currency = self.currency if self.count else currency_of(element)
        told = Account.of(element, kind=KINDS[local(element)], currency=currency, count=self.count, noted=self.noted)
        self.noted, self.count, self.found = Noted(), 0, True
        return told
