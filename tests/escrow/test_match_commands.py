"""`escrow matches …` and `escrow day …`: what two people decide about a bank's day, each at a terminal."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from escrow.cli import main
from escrow.db import transaction
from escrow.settlement import breaks, proposals, reconciling, signing, statements, unmatched
from escrow.settlement.proposal_sides import Chosen
from tests.escrow.county import BUREAU, at, breaches, school
from tests.escrow.settlement.bank_days import BankLine, written
from tests.escrow.settlement.test_confirmations import without_balances

Escrow = Callable[..., tuple[int, str, str]]
ACCOUNT = "6200000001"


@pytest.fixture
def escrow(engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Escrow:
    """`escrow ARGUMENTS` by somebody, on the test's database: exit status, output, errors."""
    monkeypatch.setenv("ESCROW_DATABASE_URL", engine.url.render_as_string(hide_password=False))

    def command(who: str, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv("LOGNAME", who)
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return command


def proposed(engine: Engine, *, twice: bool = False) -> list[str]:
    """A line that nobody told of and that has no serial, proposed as a credit; the ids of the proposals."""
    lines = [BankLine(amount=500 + each, at=at(7, 21, 9 + each)) for each in range(1 + twice)]
    with transaction(engine) as db:
        account = school(db).account
        data = written(account, lines)
        statements.import_file(db, data, filename="d.csv", account=account, by=BUREAU, now=at(7, 22))
        reconciling.reconcile(db, account, by=BUREAU, now=at(7, 22))
        loose = unmatched.load(db, account).lines
        made = [
            proposals.propose(db, Chosen(lines=[each.id], books="credit"), reason="现金缴存", by=BUREAU, now=at(7, 22))
            for each in loose
        ]
    return [str(each.id) for each in made]


def test_what_waits_is_listed_accepted_by_another_and_undone(escrow: Escrow, engine: Engine) -> None:
    first, second = proposed(engine, twice=True)
    status, listed, _ = escrow("li", "matches", "list", "--account", ACCOUNT)
    assert (status, listed.count("\n")) == (0, 2)
    assert listed.startswith(f"{first} {ACCOUNT} manual: lines ")
    assert f" as credit (by {BUREAU.name}) 现金缴存" in listed
    status, out, _ = escrow("li", "matches", "accept", first)
    assert (status, out.startswith(f"proposal {first}: match "), out.endswith("booked 0.00\n")) == (0, True, True)
    made = out.split()[3].rstrip(",")
    assert escrow("li", "matches", "refuse", second, "--reason", "查无此款")[1].startswith(
        f"proposal {second}: declined by li at the terminal"
    )
    assert escrow("li", "matches", "list")[1] == ""
    status, out, _ = escrow("zhang", "matches", "undo", made, "--reason", "错了")
    assert (status, out) == (0, f"match {made} (credit): undone by zhang at the terminal\n")
    status, _, err = escrow("zhang", "matches", "accept", first)
    assert (status, "is approved" in err, "勾对建议" in err) == (1, True, True)
    with transaction(engine) as db:
        assert breaches(db) == []


def test_a_signed_day_is_reopened_by_two(escrow: Escrow, engine: Engine) -> None:
    proposed(engine)
    with transaction(engine) as db:
        for each in breaks.still_open(db):
            breaks.assign(db, each.id, owner="王会计", by=BUREAU, now=at(7, 22))
        signing.sign_off(db, ACCOUNT, at(7, 21).date(), by=BUREAU, now=at(7, 22))
    status, out, _ = escrow("zhang", "day", "reopen", "2026-07-21", "--account", ACCOUNT, "--reason", "银行更正")
    assert (status, out.endswith("waits for somebody else\n")) == (0, True)
    number = out.split()[1].rstrip(":")
    status, _, err = escrow("zhang", "day", "approve-reopening", number)
    assert (status, "四" in err or "本人" in err or "他人" in err) == (1, True)
    assert escrow("li", "day", "reject-reopening", number)[0] == 0
    number = escrow("zhang", "day", "reopen", "2026-07-21", "--account", ACCOUNT, "--reason", "x")[1].split()[1]
    status, out, _ = escrow("li", "day", "approve-reopening", number.rstrip(":"))
    assert (status, out) == (0, f"{ACCOUNT}: open again from 2026-07-21, open breaks: 1\n")


def test_a_balance_on_paper_is_entered_by_one_and_approved_by_another(escrow: Escrow, engine: Engine) -> None:
    with transaction(engine) as db:
        account = school(db).account
        data = without_balances((500, at(7, 21, 9), "A"))
        statements.import_file(db, data, filename="d.csv", account=account, by=BUREAU, now=at(7, 22))
        reconciling.reconcile(db, account, by=BUREAU, now=at(7, 22))
    day = ["2026-07-21", "--account", ACCOUNT]
    paper = ["--document", "余额证明 87 号"]
    assert escrow("zhang", "day", "confirm-balance", *day, "--balance", "5,00", *paper)[0] == 1
    numbers = []
    for balance in ("5.01", "5.00"):
        status, out, _ = escrow("zhang", "day", "confirm-balance", *day, "--balance", balance, *paper)
        assert (status, f"{ACCOUNT} 2026-07-21 {balance}, waits for somebody else" in out) == (0, True)
        numbers.append(out.split()[1].rstrip(":"))
        if balance == "5.01":
            rejected = escrow("li", "day", "reject-balance", numbers[0], "--reason", "看错")
            assert rejected[1] == f"confirmation {numbers[0]}: rejected by li at the terminal\n"
    status, out, _ = escrow("li", "day", "approve-balance", numbers[1])
    assert (status, out) == (0, f"{ACCOUNT} 2026-07-21: 5.00 by 余额证明 87 号\n")
    assert escrow("li", "day", "sign-off", *day)[0] == 0
