"""A camt document as it streams by: its entries, and each account's part behind its own, in flat memory.

The parser goes through everything but the entries that are written like one before them (see camt_known.py).
"""

import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, cast

from lxml import etree

from reconciliation.camt_account import NAMESPACE
from reconciliation.camt_known import Known
from reconciliation.camt_shape import Element, Written, local, written
from reconciliation.statement import BadRow, DoctypeRefused, Kind, NotAStatement, TooLarge

KINDS: Final[Mapping[str, Kind]] = MappingProxyType({"Stmt": "statement", "Rpt": "report", "Ntfctn": "notification"})
"""What each message calls one account's part of it, and what that is to us."""

MAX_TAGS: Final = 4_000_000
"""Tags outside of entries, or within one: some hundred megabytes of tree, and more than any bank's batch has."""

_END: Final = re.compile(r"</(?:[^<>:/\s]*:)?Ntry\s*>")
_LONGEST: Final = 1 << 17
"""Characters of an entry that is looked at as text; a longer one is parsed."""

_DECLARATION: Final = re.compile(r"\A\s*<\?xml\b[^>]*\?>")
_DOCTYPE: Final = "<!DOCTYPE"
_DEFAULT: Final = re.compile(r"(<Document\s(?:[^<>]*\s)?)xmlns(?=\s*=)")
_POSITION: Final = re.compile(r",? line [0-9]+(?:, column [0-9]+)?")


class Stream:
    """Goes through a document once. `account` is the element of the account's part that the last entry stood in.

    `spared` is how many of the line ends gone by the parser has not seen: it counts without them.
    """

    account: Element | None = None
    spared: int = 0

    def __init__(self, text: Iterable[str]) -> None:
        self._text = text
        self._parser = etree.XMLPullParser(
            events=("end",),
            tag=[f"{{*}}{name}" for name in ("Ntry", *KINDS)],
            resolve_entities=False,
            load_dtd=False,
            no_network=True,
            remove_comments=True,  # a comment inside <Amt> would otherwise cut its text short
            remove_pis=True,
        )
        self._known = Known()
        self._last: Element | None = None  # entry that was parsed, and its place in its account's element
        self._place = 0
        self._behind = False  # whether the text to come stands right behind it
        self._end = ""  # its end tag
        self._tags = 0  # fed to the parser, without those of entries
        self._lines = 0  # line ends gone by

    def __iter__(self) -> Iterator[Written | Element]:
        """Every entry, and every account's element once it is whole, though without its entries.

        Raises DoctypeRefused, NotAStatement, BadRow, TooLarge.
        """
        rest = ""
        try:
            for piece in _sound(self._text):
                rest = yield from self._gone_through(rest + piece)
            yield from self._parsed(rest)
            self._parser.close()
        except etree.XMLSyntaxError as reason:
            line, what = (reason.lineno or 1) + self.spared, _POSITION.sub("", reason.msg or "")
            raise NotAStatement(
                f"the XML is broken in line {line}: {what}; fetch the file again",
                f"XML 文件不完整或已损坏（文件第 {line} 行）：{what}；请重新下载",
            ) from None
        except UnicodeEncodeError:
            raise NotAStatement(
                "the XML holds half a character (a surrogate); fetch the file again", "XML 含有残缺字符；请重新下载"
            ) from None

    def _gone_through(self, text: str) -> Generator[Written | Element, None, str]:
        """Entry by entry; returns the rest, an unfinished one, that can only be judged with the text after it."""
        at = 0
        while True:
            while self._behind and (again := self._known.again(text, at, self._lines + 1)):
                known, end = again
                self._spare(text.count("\n", at, end))
                at = end
                yield known
            if not (end := self._ended(text, at)):
                break
            if self._behind and (entry := self._known.read(text[at:end], self._lines + 1)):
                self._spare(text.count("\n", at, end))
                yield entry
            else:
                yield from self._parsed(text[at : end - 1])
                for each in self._parsed(">"):
                    # By this very character the parser ended an entry: the text to come stands right behind it.
                    if isinstance(each, Written):
                        self._behind = True
                        self._known.learn(text[at:end], cast(Element, self._last), each)
                    yield each
            at = end
        if self._behind and len(text) - at <= _LONGEST:
            return text[at:]
        yield from self._parsed(text[at:])
        return ""

    def _ended(self, text: str, at: int) -> int:
        """Behind the next end tag of an entry, most likely written like the last one; 0 if there is none."""
        found = text.find(self._end, at) if self._end else -1
        if found < 0:
            end = _END.search(text, at)
            found, self._end = (end.start(), end[0]) if end else (-1, self._end)
        return found + len(self._end) if found >= 0 else 0

    def _spare(self, lines: int) -> None:
        self._lines += lines
        self.spared += lines

    def _parsed(self, text: str) -> Iterator[Written | Element]:
        self._behind = False
        self._lines += text.count("\n")
        self._tags += text.count("<")
        self._parser.feed(text.encode())
        for _, element in self._parser.read_events():
            ended = cast(Element, element)
            if local(ended) not in KINDS:
                yield self._entry(ended)
                continue
            self._stands_alone(ended)
            yield ended
            self.account = self._last = None
            ended.clear()
        if self._tags > MAX_TAGS:
            raise TooLarge(
                f"more than {MAX_TAGS} tags stand outside of entries or in one; no bank writes so, "
                "fetch the file again",
                f"分录之外或单笔分录之内超过 {MAX_TAGS} 个标签；请重新下载文件",
                limit=MAX_TAGS,
            )

    def _entry(self, element: Element) -> Written:
        parent, line = element.getparent(), self._line(element)
        if parent is None or local(parent) not in KINDS:
            where = "nothing" if parent is None else local(parent)
            raise BadRow(
                f"line {line}: an entry stands in {where}; expected in {', '.join(KINDS)}",
                f"文件第 {line} 行：分录位于 {where} 内；应在 {'、'.join(KINDS)} 内",
            )
        if parent is not self.account:
            self._stands_alone(parent)
            self._known.within(parent)
            self.account, self._place = parent, parent.index(element)
        elif self._last is not None:
            # The entry before goes, this one must stay while its successors are parsed. (By place: `remove` would go
            # through everything below it once more.)
            if parent[self._place] is not self._last:
                self._place = parent.index(self._last)
            del parent[self._place]
        self._last = element
        entry = written(element, line)
        self._tags -= 2 * entry.shape.size
        return entry

    def _stands_alone(self, account: Element) -> None:
        if any(local(above) in KINDS for above in account.iterancestors()):
            line = self._line(account)
            raise BadRow(
                f"line {line}: a {local(account)} stands within another; whose are its entries?",
                f"文件第 {line} 行：{local(account)} 嵌套在另一账户内，无法确定分录归属",
            )

    def _line(self, element: Element) -> int:
        """Where in the file it begins, if it began after all entries that the parser was spared."""
        return cast(int, element.sourceline) + self.spared


def _sound(text: Iterable[str]) -> Iterator[str]:
    """The pieces as they are read. Refused are a DOCTYPE, even where two pieces share it, and what no XML may hold."""
    end = None
    for piece in text:
        if _DOCTYPE in (end or "") + piece:
            raise DoctypeRefused(
                "the XML has a DOCTYPE; a bank statement has none, ask the bank for the file as it made it",
                "XML 含有 DOCTYPE 声明，对账单不应有；请使用银行生成的原始文件",
            )
        if "\ufffe" in piece or "\uffff" in piece:
            raise NotAStatement(
                "the XML holds a character that none may hold (U+FFFE or U+FFFF); fetch the file again",
                "XML 含有不允许的字符（U+FFFE 或 U+FFFF）；请重新下载",
            )
        yield piece if end is not None else _head(piece)
        end = piece[-len(_DOCTYPE) :]


def _head(piece: str) -> str:
    """The first piece without the XML declaration, and with the default namespace as a mere attribute.

    The text is decoded by now: what encoding its first line names no longer holds. The namespace says the version and
    nothing else to us, while lxml spells it out in the name of every element: a fifth of the whole time.
    """
    bare = _DECLARATION.sub(lambda found: "\n" * found[0].count("\n"), piece)
    return _DEFAULT.sub(rf"\1{NAMESPACE}", bare, count=1)
