"""The books as others read them: hledger reaches our balances, the Beancount text is well formed, cells are inert."""

import csv
import io
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from ledger import export
from ledger.accounts import open_accounts
from ledger.balances import trial_balance
from ledger.entries import NewAccount
from ledger.export import COLUMNS
from ledger.money import Money, NotAnAmount
from ledger.posting import post_all
from ledger.reading import all_accounts
from tests.ledger.books import BANK, EARNED, FEES, LESSON, NOW, OTHER, PAYMENT, PREPAID, RELEASE, SETTLED, opened

HLEDGER: Final = shutil.which("hledger")
BEAN_CHECK: Final = Path(sys.executable).with_name("bean-check")

HOSTILE: Final = (
    *(
        '=HYPERLINK("http://x","y")',
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1+1",
        " =1",
        "＝1",
        "'already",
        "a,b",
        'say "x"',
        "a\nb",
    ),
    *(
        "a\\",
        "(a) [b]",
        "a; b: c",
        "a | b",
        "* !",
        "a  b",
        " ",
        "100%",
        "%41",
        "课时费/一",
        "🧾",
        "2026-01-01 x",
        "#",
        "~",
    ),
)
ODD_PATHS: Final = (
    "A/b",
    "a/B",
    "a//b",
    "/",
    "x",
    "",
    "a b/c  d",
    "课/一",
    "(a)/;b",
    "a_b/c.d",
    "=1",
    "0/-",
    "a/b",
    "%",
)

EVENING: Final = datetime(2026, 8, 31, 15, 59, 59, tzinfo=UTC)
"""The last second of August in Shanghai; a second later it is September there, and still August in UTC."""


@pytest.fixture
def books(db: Connection) -> Connection:
    """A family's money from its payment to the bank, back-dated rows, holds of every end, and a correction."""
    opened(db)
    post_all(db, [PAYMENT, replace(LESSON, amount=12_345), RELEASE], now=NOW)
    post_all(db, [replace(SETTLED, amount=6_789)], now=NOW)
    post_all(
        db, [replace(LESSON, reference="open-hold", hold=True), replace(RELEASE, reference="r2", amount=1)], now=NOW
    )
    post_all(db, [replace(SETTLED, hold="r2", phase="voided", reference="void-2")], now=NOW)
    late = replace(PAYMENT, amount=1, effective=EVENING.replace(year=2025), reference="late")
    next_day = replace(PAYMENT, amount=2, effective=EVENING.replace(hour=16, minute=0, second=0), reference="september")
    fees = replace(
        PAYMENT, debit=BANK, credit=FEES, amount=77, kind="fee given back", reference="fee", corrects="pay-1"
    )
    post_all(db, [late, replace(PAYMENT, amount=3, effective=EVENING, reference="august"), next_day, fees], now=NOW)
    return db


def _hostile(db: Connection) -> None:
    """Texts and paths that mean something to the programs that read them."""
    open_accounts(db, [NewAccount(path=each, kind="liability") for each in ODD_PATHS])
    paid = [replace(PAYMENT, kind=text, reference=text, amount=100 + number) for number, text in enumerate(HOSTILE)]
    odd = [replace(PAYMENT, credit=path, reference=f"odd {path}", amount=7**n) for n, path in enumerate(ODD_PATHS)]
    post_all(db, paid, now=NOW, caller_key="=key; x: y, z")
    post_all(db, odd, now=NOW)


def _hledger(journal: Iterable[str], *arguments: str) -> str:
    """What hledger answers, in the plainest locale and without anybody's own settings."""
    if HLEDGER is None:
        pytest.skip("hledger is not installed here")
    done = subprocess.run(
        [HLEDGER, "-f", "-", *arguments],
        input="".join(journal),
        capture_output=True,
        encoding="utf-8",
        env={"LC_ALL": "C", "HOME": "/nonexistent"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _balances(db: Connection) -> list[int]:
    """Debits less credits of every account by our own account, those at zero included."""
    return sorted(each.debits - each.credits for each in trial_balance(db))


def _fen(amount: str) -> int:
    figure, currency = amount.split(" ") if " " in amount else (amount, "CNY")
    assert currency == "CNY"
    minor = Money.parse(figure.removeprefix("-")).minor
    return -minor if figure.startswith("-") else minor


def _from_hledger(db: Connection) -> dict[str, int]:
    lines = _hledger(export.hledger(db), "bal", "--flat", "--empty", "--no-total", "--declared", "-O", "csv")
    rows = list(csv.reader(io.StringIO(lines)))
    assert rows[0] == ["account", "balance"]
    return {account: _fen(balance) for account, balance in rows[1:]}


@pytest.mark.parametrize("check", [["check"], ["check", "--strict"], ["check", "--strict", "accounts", "commodities"]])
def test_hledger_finds_nothing_wrong_with_the_journal(books: Connection, check: Sequence[str]) -> None:
    _hledger(export.hledger(books), *check)


def test_hledger_reaches_our_balances_to_the_fen(books: Connection) -> None:
    ours = {each.path: each.debits - each.credits for each in trial_balance(books)}
    assert _from_hledger(books) == {
        "assets:bank:6200": ours[BANK],
        "expenses:bank:6200:fees": ours[FEES],
        "liabilities:contract:1:prepaid": ours[PREPAID],
        "liabilities:contract:2:prepaid": ours[OTHER],
        "liabilities:institution:1:earned": ours[EARNED],
    }


def test_hledger_reads_hostile_texts_and_paths_as_what_they_are(books: Connection) -> None:
    _hostile(books)
    _hledger(export.hledger(books), "check", "--strict")
    assert sorted(_from_hledger(books).values()) == _balances(books)
    printed = _hledger(export.hledger(books), "print", "-O", "csv")
    codes = [row["code"] for row in csv.DictReader(io.StringIO(printed))]
    assert {unquote(code) for code in codes} >= set(HOSTILE)


def test_hledger_sees_our_dates_and_kinds_of_account(books: Connection) -> None:
    assert "september" in _hledger(export.hledger(books), "print", "date:2026-09-01")
    august = _hledger(export.hledger(books), "print", "date:2026-08-31")
    assert "(august)" in august
    assert "(september)" not in august
    assert _hledger(export.hledger(books), "accounts", "type:A") == "assets:bank:6200\n"
    assert _hledger(export.hledger(books), "accounts", "type:X") == "expenses:bank:6200:fees\n"


def test_a_journal_shows_what_moved_and_nothing_that_did_not(books: Connection) -> None:
    text = "".join(export.hledger(books))
    assert text.startswith("commodity 1000.00 CNY\naccount assets:bank:6200  ; type: A\n")
    assert (
        "\n2026-08-03 (paid-1) paid out  ; effective: 2026-08-03T04:00:00+00:00, recorded: 2026-08-03T04:00:00+00:00,"
        " resolves: release-1\n"
        "    liabilities:institution:1:earned  67.89 CNY\n"
        "    assets:bank:6200  -67.89 CNY\n"
    ) in text
    codes = re.findall(r"^[0-9-]{10} \((.*?)\)", text, re.MULTILINE)
    assert codes == ["pay-1", "lesson-1", "paid-1", "late", "august", "september", "fee"]


_ACCOUNT = r"(?:Assets|Liabilities|Income|Expenses)(?::[A-Z0-9][A-Za-z0-9-]*)+"
_STRING = r'"(?:[^"\\\n]|\\["\\nr])*"'
_GRAMMAR: Final = {
    "option": re.compile(r'option "operating_currency" "CNY"'),
    "commodity": re.compile(r"\d{4}-\d\d-\d\d commodity CNY"),
    "open": re.compile(rf"(?P<day>\d{{4}}-\d\d-\d\d) open (?P<account>{_ACCOUNT}) CNY"),
    "transaction": re.compile(rf"(?P<day>\d{{4}}-\d\d-\d\d) \* {_STRING}"),
    "metadata": re.compile(rf"  [a-z][a-z_]*: {_STRING}"),
    "posting": re.compile(rf"  (?P<account>{_ACCOUNT})  (?P<amount>-?\d+\.\d\d CNY)"),
    "blank": re.compile(""),
}


def _from_beancount(lines: Iterable[str]) -> dict[str, int]:
    """The balances that the text adds up to, each line checked against Beancount's grammar as far as we use it."""
    balances: dict[str, int] = {}
    opened_on: dict[str, str] = {}
    day, sums = "", defaultdict[str, int](int)
    for line in "".join(lines).split("\n"):
        [(kind, found)] = [(kind, each) for kind, rule in _GRAMMAR.items() if (each := rule.fullmatch(line))]
        if kind == "open":
            assert found["account"] not in opened_on, "two accounts share a name"
            opened_on[found["account"]] = found["day"]
            balances[found["account"]] = 0
        elif kind == "transaction":
            day = f"{found['day']} {len(sums)}"
        elif kind == "posting":
            assert opened_on[found["account"]] <= day[:10], "used before it was open"
            balances[found["account"]] += _fen(found["amount"])
            sums[day] += _fen(found["amount"])
    assert set(sums.values()) <= {0}, "a transaction does not balance"
    return balances


def test_the_beancount_text_keeps_to_its_grammar_and_adds_up_to_our_balances(books: Connection) -> None:
    ours = {each.path: each.debits - each.credits for each in trial_balance(books)}
    assert _from_beancount(export.beancount(books)) == {
        "Assets:Bank:6200": ours[BANK],
        "Expenses:Bank:6200:Fees": ours[FEES],
        "Liabilities:Contract:1:Prepaid": ours[PREPAID],
        "Liabilities:Contract:2:Prepaid": ours[OTHER],
        "Liabilities:Institution:1:Earned": ours[EARNED],
    }
    _hostile(books)
    assert sorted(_from_beancount(export.beancount(books)).values()) == _balances(books)


def test_the_beancount_text_names_dates_references_and_links(books: Connection) -> None:
    text = "".join(export.beancount(books))
    assert "2025-08-31 open Assets:Bank:6200 CNY\n" in text, "all accounts are open on the first day of the books"
    assert (
        '\n2026-08-03 * "fee given back"\n'
        '  reference: "fee"\n'
        '  effective: "2026-08-03T04:00:00+00:00"\n'
        '  recorded: "2026-08-03T04:00:00+00:00"\n'
        '  corrects: "pay-1"\n'
        "  Assets:Bank:6200  0.77 CNY\n"
        "  Expenses:Bank:6200:Fees  -0.77 CNY\n"
    ) in text


def test_bean_check_finds_nothing_wrong_and_reaches_our_balances(books: Connection, tmp_path: Path) -> None:
    _hostile(books)
    names = {each.path: export.beancount_name(each) for each in all_accounts(books)}
    net = {names[each.path]: each.debits - each.credits for each in trial_balance(books)}
    # Beancount's balance of an account is that of all below it too.
    rolled = {name: sum(net[each] for each in net if f"{each}:".startswith(f"{name}:")) for name in net}
    ours = [f"2199-01-01 balance {name} {Money(minor)}\n" for name, minor in rolled.items()]
    file = tmp_path / "books.beancount"

    def checked(balances: list[str]) -> tuple[int, str]:
        file.write_text("".join([*export.beancount(books), *balances]), encoding="utf-8")
        done = subprocess.run([BEAN_CHECK, file], capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    assert len(ours) > 4
    assert checked(ours) == (0, "")
    status, said = checked([f"2199-01-01 balance {names[BANK]} 0.01 CNY\n"])
    assert (status, "Balance failed" in said) == (1, True), "it looks at what it is told"


def _rows(db: Connection) -> list[dict[str, str]]:
    text = "".join(export.csv(db))
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_csv_has_a_row_for_each_move_and_adds_up_to_our_balances(books: Connection) -> None:
    rows = _rows(books)
    assert [each["reference"] for each in rows] == ["pay-1", "lesson-1", "paid-1", "late", "august", "september", "fee"]
    assert list(rows[0]) == list(COLUMNS)
    assert [(each["date"], each["amount"]) for each in rows[3:6]] == [
        ("2025-08-31", "0.01"),
        ("2026-08-31", "0.03"),
        ("2026-09-01", "0.02"),
    ]
    assert (rows[2]["resolves"], rows[6]["corrects"], rows[6]["resolves"]) == ("release-1", "pay-1", "")
    sums = defaultdict[str, int](int)
    for row in rows:
        sums[row["debit"]] += _fen(row["amount"])
        sums[row["credit"]] -= _fen(row["amount"])
    assert sorted(sums.values()) == sorted(filter(None, _balances(books)))


def test_no_cell_of_the_csv_is_a_formula_and_none_is_lost(books: Connection) -> None:
    _hostile(books)
    rows = _rows(books)
    references = [each["reference"] for each in rows]
    for cell in (cell for row in rows for cell in row.values()):
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠")), cell
        assert not cell.startswith(("\t", "\r", "\n")), cell
    told = {each[1:] if each.startswith("'") else each for each in references}
    assert set(HOSTILE) <= told
    assert {each["caller_key"] for each in rows} == {"", "'=key; x: y, z"}


def test_books_without_transfers_or_accounts_are_exported_too(db: Connection) -> None:
    assert list(export.hledger(db)) == list(export.beancount(db)) == []
    assert list(export.csv(db)) == [",".join(COLUMNS) + "\r\n"]
    opened(db)
    _hledger(export.hledger(db), "check", "--strict")
    assert "1970-01-01 open Assets:Bank:6200 CNY\n" in list(export.beancount(db))


def test_a_currency_whose_decimals_are_unknown_is_not_guessed(db: Connection) -> None:
    open_accounts(db, [NewAccount(path="bank/jpy", kind="asset", currency="JPY")])
    with pytest.raises(NotAnAmount, match="JPY"):
        list(export.hledger(db))


@given(st.lists(st.text(alphabet="aAxXuU0-5f_/ %课", max_size=6), min_size=2, max_size=8, unique=True))
def test_no_two_paths_share_a_name_in_either_program(paths: list[str]) -> None:
    accounts = [NewAccount(path=each, kind="asset") for each in paths]
    for name in (export.hledger_name, export.beancount_name):
        names = [name(each) for each in accounts]
        assert len(set(names)) == len(names), dict(zip(paths, names, strict=True))
    assert all(re.fullmatch(_ACCOUNT, export.beancount_name(each)) for each in accounts)
