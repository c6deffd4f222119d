"""Entries that are read from their text alone: exactly as the parser would read them, and only where that is sure."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from reconciliation import camt, camt_known
from reconciliation.camt_known import Known
from reconciliation.camt_shape import written
from reconciliation.camt_stream import Stream
from reconciliation.reading import read
from reconciliation.statement import BadRow, NotAStatement, StatementRefused
from tests.reconciliation.bank_files import balance, day, detail, entry, statement
from tests.reconciliation.bank_files import camt as document

PAYMENT = detail(end_to_end="TE1", amount="1.00", debtor="张三", account="6", remark=["学费"])
FIRST = entry("1.00", serial="B-1", details=[PAYMENT])


def knowing(source: str) -> Known:
    """What is known after the parser read this entry."""
    known, parsed = Known(), etree.fromstring(source, etree.XMLParser(remove_comments=True))
    known.learn(f"\n {source}", parsed, written(parsed, 1))
    return known


def knowing_well(source: str) -> Known:
    """The same after many such entries."""
    known = knowing(source)
    for _ in range(camt_known.MANY):
        assert known.read(source, 1) is not None
    return known


def outcome(data: bytes) -> object:
    """Everything that reading gives, or the refusal's sentences."""
    try:
        (found,) = read(data)
    except StatementRefused as refused:
        return refused.slug, str(refused), refused.chinese, refused.facts
    lines = found.lines.astype(object).where(found.lines.notna(), None)
    return lines.to_dict("records"), found.notes, found.opening, found.closing


@pytest.mark.parametrize(
    "source",
    [
        FIRST.replace("1.00", "27.50").replace("张三", "欧阳娜娜").replace("B-1", ""),
        FIRST.replace("学费", "A&amp;B &lt;&quot;&apos;&gt; &#23398;&#x8d39; &amp;lt;"),
        FIRST.replace("学费", " 学\n费\u3000"),
        FIRST.replace("><", ">\r\n\t<"),
        FIRST.replace("<Sts>", "<Sts>BOOK"),
    ],
    ids=["other texts", "references", "white space", "indented", "text beside elements"],
)
def test_an_entry_with_known_tags_is_read_as_the_parser_reads_it(source: str) -> None:
    text, parsed = f"\n\r\n{source}", written(etree.fromstring(source), 9)
    found = [knowing(FIRST).read(text, 7)]
    if "&" not in source:
        again = knowing_well(FIRST).again(f"{FIRST}{text}{FIRST}", len(FIRST), 7)
        assert again is not None
        assert again[1] == len(FIRST) + len(text)
        found.append(again[0])
    for known in found:
        assert known is not None
        assert (known.shape, *map(list, known[1:3]), known.line) == (parsed.shape, *map(list, parsed[1:3]), parsed.line)


@pytest.mark.parametrize(
    "source",
    [
        FIRST.replace("学费", "<!-- -->学费"),
        FIRST.replace("学费", "<![CDATA[学费]]>"),
        FIRST.replace("学费", "<?a b?>学费"),
        FIRST.replace("学费", "学>费"),
        FIRST.replace("学费", "学<费"),
        FIRST.replace("学费", "学&费"),
        FIRST.replace("学费", "学&nbsp;费"),
        FIRST.replace("学费", "学&#0;费"),
        FIRST.replace("学费", "学&#xFFFF;费"),
        FIRST.replace("学费", "学&#9999999;费"),
        FIRST.replace("学费", "学\r\n费"),
        FIRST.replace("学费", "学\x0c费"),
        FIRST.replace('"CNY"', '"USD"', 1),
        FIRST.replace("<Sts>", "<Sts >"),
        FIRST.replace("<Sts><Cd>", "<Sts<>Cd>"),
        FIRST.replace("</Sts>", ""),
        f"x{FIRST}",
        f"</Stmt><Stmt>{FIRST}",
    ],
)
def test_whatever_else_stands_in_an_entry_is_left_to_the_parser(source: str) -> None:
    assert source != FIRST
    assert knowing(FIRST).read(source, 1) is None
    assert knowing_well(FIRST).again(source, 0, 1) is None


@pytest.mark.parametrize(
    ("source", "alike"),
    [
        (FIRST.replace("学费", "<!-- <Ntry><a> -->学费"), None),
        (FIRST.replace("<Sts>", "<Sts-->").replace("</Sts>", "</Sts-->"), None),
        (FIRST.replace('"CNY"', '"C&#78;Y"'), None),
        (FIRST.replace("学费", "学>/Ustrd>费"), FIRST.replace("学费", "学</Ustrd>费")),
    ],
)
def test_tags_that_could_be_something_else_are_not_learnt(source: str, alike: str | None) -> None:
    assert knowing(source).read(alike or source, 1) is None


def test_what_stands_behind_an_element_without_end_tag_is_not_its_text() -> None:
    source = FIRST.replace("<Ustrd>学费</Ustrd>", "<Ustrd/>学费")
    parsed, known, again = written(etree.fromstring(source), 1), knowing(source), knowing_well(source)
    assert known.read(source, 1) == (parsed.shape, tuple(parsed.texts), tuple(parsed.currencies), 1)
    found = again.again(source, 0, 1)
    assert found is not None
    assert found[0].texts == parsed.texts


def test_what_only_looks_like_the_parsed_entry_is_not_learnt() -> None:
    known, parsed, end_of_comment = Known(), etree.fromstring(FIRST), FIRST.replace("<Sts>", "</a--><Sts>")
    known.learn(end_of_comment, parsed, written(parsed, 1))
    assert known.read(end_of_comment, 1) is None


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_document_reads_the_same_when_the_parser_reads_each_entry(data: st.DataObject) -> None:
    texts = st.text("学费A1 &<>\"'\u3000\n", max_size=6)
    kinds = data.draw(st.lists(st.sampled_from(["plain", "paid", "batch", "pending", "other"]), max_size=12))
    entries = []
    for kind in kinds:
        paid = [
            detail(end_to_end=data.draw(st.sampled_from(["TE1", "NOTPROVIDED"])), amount="1.00", debtor="张三")
            if kind == "other"
            else detail(amount="2.00", debtor=data.draw(texts), account="6", remark=[data.draw(texts)])
            for _ in range({"plain": 0, "batch": 2}.get(kind, 1))
        ]
        amount = data.draw(st.sampled_from(["2.00", "4.00", "3.50", "3.501"] if kind == "other" else ["2.00", "4.00"]))
        made = entry(amount, data.draw(st.sampled_from(["CRDT", "DBIT"])), details=paid)
        entries.append("\n" + (made.replace("BOOK", "PDNG") if kind == "pending" else made))
    whole = document(statement(entries, balances=[balance("OPBD", "0.00")]))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(camt_known, "MANY", data.draw(st.sampled_from([1, 2, 1000])))
        read_from_text = outcome(whole)
    assert read_from_text == outcome(whole.replace(b"<Ntry>", b"<Ntry><!-- for the parser -->"))


def test_the_parser_is_spared_entries_of_known_tags_and_their_lines_count_on() -> None:
    good = [f"\n\n{entry('1.00', serial=f'B-{at}')}" for at in range(50)]
    bad = f"\n{entry('1.00x', serial='B-x')}"
    with pytest.raises(BadRow, match=r"entry 51 \(line 103\)"):
        read(day(*good, bad, opening="0.00", closing="51.00"))
    with pytest.raises(BadRow, match=r"entry 51 \(line 103\)"):
        read(day(*good, bad.replace("<Sts>", "<!-- --><Sts>"), opening="0.00", closing="51.00"))
    stream = Stream([day(*good, opening="0.00", closing="50.00").decode()])
    entries = [each for each in stream if not isinstance(each, etree._Element)]  # noqa: SLF001
    assert len({id(each.shape) for each in entries}) == 1
    assert stream.spared == 98


def test_entries_in_a_comment_are_none_though_their_tags_are_known() -> None:
    hidden = f"<!-- {entry('5.00')} {entry('6.00')} -->"
    (found,) = read(day(entry("1.00"), entry("2.00"), hidden, entry("3.00"), opening="0.00", closing="6.00"))
    assert found.lines["amount"].tolist() == [100, 200, 300]


def test_what_is_broken_behind_entries_of_known_tags_is_named_with_its_line() -> None:
    data = day(*[f"\n{entry('1.00')}"] * 9, "\n<Bal>", opening="0.00", closing="9.00")
    with pytest.raises(NotAStatement, match=r"broken in line 12: .*Bal"):
        read(data)


@pytest.mark.parametrize("many", [1, 1000])
def test_a_prefix_that_means_nothing_in_the_next_account_is_refused(monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    monkeypatch.setattr(camt_known, "MANY", many)
    prefixed = entry("2.00").replace("</", "</n:").replace("<", "<n:").replace("<n:/", "</")
    first, one = (statement(each, balances=[]) for each in ([prefixed, prefixed, entry("1.00")], [FIRST, prefixed]))
    bound = first.replace("<Stmt>", '<Stmt xmlns:n="a">')
    assert len(list(camt.walk([f"<a>{bound}", bound, "</a>"]))) == 8
    with pytest.raises(BadRow, match="entry 2"):
        list(camt.walk([f"<a>{bound}", one, "</a>"]))


@pytest.mark.parametrize(("character", "sentence"), [("\ud800", "surrogate"), ("\ufffe", "U"), ("\uffff", "U")])
def test_a_character_that_no_xml_may_hold_is_refused(character: str, sentence: str) -> None:
    with pytest.raises(NotAStatement, match=sentence):
        camt.read(day(*[FIRST] * 3, opening="0.00", closing="3.00").decode().replace("B-1", f"B-{character}"))
