"""The bank's messages in ISO 20022: camt.053 (statement), .052 (intraday report) and .054 (notification), all versions.

A document may have a namespace or none, and stand in any envelope. It is read as it streams by, an entry at a time.
"""

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import BinaryIO, Final, cast

from lxml import etree

from reconciliation.camt_account import NAMESPACE, Account, currency_of, page
from reconciliation.camt_entry import Line
from reconciliation.camt_entry import read as read_entry
from reconciliation.camt_shape import Element, local, shaped
from reconciliation.noted import Noted
from reconciliation.pages import joined
from reconciliation.statement import BadRow, DoctypeRefused, Kind, NotAStatement, Statement, TooLarge

KINDS: Final[Mapping[str, Kind]] = MappingProxyType({"Stmt": "statement", "Rpt": "report", "Ntfctn": "notification"})
"""What each message calls one account's part of it, and what that is to us."""

MAX_TAGS: Final = 4_000_000
"""Tags outside of entries, or within one: some hundred megabytes of tree, and more than any bank's batch has."""

MAX_ENTRIES: Final = 5_000_000
"""Entries of one document."""

_CHUNK: Final = 1 << 16
_DECLARATION: Final = re.compile(r"\A\s*<\?xml\b[^>]*\?>")
_DOCTYPE: Final = "<!DOCTYPE"
_NAMESPACE: Final = re.compile(r"(<Document\s(?:[^<>]*\s)?)xmlns(?=\s*=)")


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
    state = _Walk(noted=Noted())
    for element in _elements(text, state):
        if local(element) in KINDS:
            yield state.account(element)
        else:
            yield from state.entry(element)
    if not state.found:
        raise NotAStatement(
            "the XML holds no statement (Stmt, Rpt or Ntfctn); send a camt.053",
            "XML 中没有对账单（Stmt、Rpt、Ntfctn）；请提交 camt.053 文件",
        )


def _collected(text: Iterable[str]) -> list[Statement]:
    pages, lines = [], []
    for each in walk(text):
        if isinstance(each, Line):
            lines.append(each)
        else:
            pages.append(page(each, lines))
            lines = []
    return joined(pages)


@dataclass(kw_only=True, slots=True)
class _Walk:
    """Where the reading is: in which account's part, at which entry of it."""

    noted: Noted
    currency: str = ""
    count: int = 0
    place: int = 0
    total: int = 0
    freed: int = 0
    found: bool = False

    def entry(self, element: Element) -> list[Line]:
        parent = element.getparent()
        if parent is None or local(parent) not in KINDS:
            where = "nothing" if parent is None else local(parent)
            raise BadRow(
                f"line {element.sourceline}: an entry stands in {where}; expected in {', '.join(KINDS)}",
                f"文件第 {element.sourceline} 行：分录位于 {where} 内；应在 {'、'.join(KINDS)} 内",
            )
        self.count += 1
        self.total += 1
        if self.total > MAX_ENTRIES:
            raise TooLarge(
                f"the document has more than {MAX_ENTRIES} entries; export a shorter period",
                f"文件超过 {MAX_ENTRIES} 笔；请缩短导出期间",
                limit=MAX_ENTRIES,
            )
        if self.count == 1:
            self.currency, self.place = currency_of(parent, element), parent.index(element)
        elif parent[self.place] is not element and parent[self.place].tag == element.tag:
            # The entry before goes, this one must stay while its successors are parsed. (By place: `remove` would go
            # through everything below it once more.)
            del parent[self.place]
        elements, shape = shaped(element)
        self.freed += len(elements)
        return read_entry(elements, shape, number=self.count, currency=self.currency, noted=self.noted)

    def account(self, element: Element) -> Account:
        if any(local(above) in KINDS for above in element.iterancestors()):
            raise BadRow(
                f"line {element.sourceline}: a {local(element)} stands within another; whose are its entries?",
                f"文件第 {element.sourceline} 行：{local(element)} 嵌套在另一账户内，无法确定分录归属",
            )
        currency = self.currency if self.count else currency_of(element, None)
        told = Account.of(element, kind=KINDS[local(element)], currency=currency, count=self.count, noted=self.noted)
        self.noted, self.count, self.found = Noted(), 0, True
        element.clear()
        return told


def _elements(text: Iterable[str], state: _Walk) -> Iterator[Element]:
    """Each entry and each account's part as it ends."""
    parser = etree.XMLPullParser(
        events=("end",),
        tag=[f"{{*}}{name}" for name in ("Ntry", *KINDS)],
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        remove_comments=True,  # a comment inside <Amt> would otherwise cut its text short
        remove_pis=True,
    )
    tags = 0
    try:
        for chunk in _without_doctype(text):
            parser.feed(chunk.encode())
            tags += chunk.count("<")
            for _, element in parser.read_events():
                yield cast(Element, element)
            if tags - 2 * state.freed > MAX_TAGS:  # an element has two tags
                raise TooLarge(
                    f"more than {MAX_TAGS} tags stand outside of entries or in one; no bank writes so, "
                    "fetch the file again",
                    f"分录之外或单笔分录之内超过 {MAX_TAGS} 个标签；请重新下载文件",
                    limit=MAX_TAGS,
                )
        parser.close()
    except etree.XMLSyntaxError as reason:
        raise NotAStatement(
            f"the XML is broken: {reason.msg}; fetch the file again",
            f"XML 文件不完整或已损坏：{reason.msg}；请重新下载",
        ) from None


def _without_doctype(text: Iterable[str]) -> Iterator[str]:
    """The pieces as the parser gets them; a DOCTYPE is refused even where two pieces share it."""
    end = None
    for piece in text:
        if _DOCTYPE in (end or "") + piece:
            raise DoctypeRefused(
                "the XML has a DOCTYPE; a bank statement has none, ask the bank for the file as it made it",
                "XML 含有 DOCTYPE 声明，对账单不应有；请使用银行生成的原始文件",
            )
        yield piece if end is not None else _head(piece)
        end = piece[-len(_DOCTYPE) :]


def _head(piece: str) -> str:
    """The first piece without the XML declaration, and with the default namespace as a mere attribute.

    The text is decoded by now: what encoding its first line names no longer holds. The namespace says the version and
    nothing else to us, while lxml spells it out in the name of every element: a fifth of the whole time.
    """
    bare = _DECLARATION.sub(lambda found: "\n" * found[0].count("\n"), piece)
    return _NAMESPACE.sub(rf"\1{NAMESPACE}", bare, count=1)
