"""An institution that closes: frozen, reviewed, every family repaid first, and its own money last of all."""

from datetime import date
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Connection

from escrow.bank.sandbox import SandboxBank
from escrow.enrolment.orders import Order
from escrow.payouts import batches, closures, refunds, releases
from escrow.payouts.release_drafts import FamiliesFirst
from escrow.registry import institutions
from escrow.settlement import cash, reconciling, statements
from escrow.teaching import confirmations
from ledger.balances import trial_balance
from tests.escrow.county import (
    BUREAU,
    RULEBOOK,
    SECOND,
    at,
    breaches,
    credit,
    family,
    order,
    receive,
    requested,
    school,
    signed,
    teach,
)

ACCOUNT: Final = "6200000001"


def test_an_institution_that_closes(db: Connection, tmp_path: Path) -> None:
    with SandboxBank.open(tmp_path / "bank.db", key=SandboxBank.new_key("bank-1")) as bank:
        of = school(db)
        bank.open_account(of.account, of.institution.name)
        families = [family(db, number) for number in (1, 2, 3)]
        held = [signed(db, of, child) for child in families]
        account = of.institution.bank_path
        names = {
            **{f"{account}{suffix}": suffix or "bank" for suffix in ("", "/suspense", "/interest", "/fees")},
            **{each.prepaid_path: f"prepaid {number}" for number, each in enumerate(held, start=1)},
            **{each.refund_path: f"refund {number}" for number, each in enumerate(held, start=1)},
            of.institution.earned_path: "earned",
            of.institution.payout_path: "payout",
        }

        def books() -> dict[str, int]:
            """Every account there is, in fen; the empty ones are left out."""
            assert breaches(db) == []
            return {names[each.path]: each.amount for each in trial_balance(db) if each.amount}

        # Three families pay 1,000 yuan for three lessons each; the third one's money is not even touched.
        for number, contract in enumerate(held, start=1):
            pay(db, bank, order(db, contract), number)
        first = teach(db, of, held[:2], on=(8, 3))
        for child, contract in zip(families[:2], held[:2], strict=True):
            confirmations.confirm(db, first, contract.id, by=child.caller, now=at(8, 3, 18))
        second = teach(db, of, held[:1], on=(8, 4))
        confirmations.dispute(db, second, held[0].id, reason="停课", by=families[0].caller, now=at(8, 5))
        assert books() == {
            "bank": 300000,
            "prepaid 1": 66667,
            "prepaid 2": 66667,
            "prepaid 3": 100000,
            "earned": 66666,
        }

        # On 10 September it asks for August; the next day it closes, before anybody has approved.
        request = requested(db, of)
        closure = closures.freeze(db, of.institution.id, reason="经营不善", by=of.caller, now=at(9, 11))
        with pytest.raises(FamiliesFirst):
            releases.approve(db, request.id, by=BUREAU, now=at(9, 11))

        # The bureau approves the closure: all that was not taught goes back, but for the lesson in dispute.
        closures.approve(db, closure.id, rulebook=RULEBOOK, by=SECOND, now=at(9, 12))
        assert institutions.get(db, of.institution.id).state == "closed"
        assert books() == {
            "bank": 300000,
            "prepaid 1": 33333,
            "refund 1": 33334,
            "refund 2": 66667,
            "refund 3": 100000,
            "earned": 66666,
        }

        # The dispute is decided for the family: asking again repays the lesson that was struck out.
        confirmations.decide(db, second, held[0].id, taught=False, reason="属实", by=BUREAU, now=at(9, 13))
        again = refunds.ask(db, held[0].id, rulebook=RULEBOOK, by=families[0].caller, now=at(9, 13))
        assert (again.amount, books()["refund 1"]) == (33333, 66667)

        # The bank pays the families; its statement shows it, and only then the institution gets its own.
        send(db, bank, (9, 14))
        with pytest.raises(FamiliesFirst):
            releases.approve(db, request.id, by=BUREAU, now=at(9, 14, 16))
        assert settle(db, bank, (9, 14)) == 0
        assert books() == {"bank": 66666, "earned": 66666}
        releases.approve(db, request.id, by=BUREAU, now=at(9, 15))
        send(db, bank, (9, 15))
        assert settle(db, bank, (9, 15)) == 0
        assert books() == {}
        assert (bank.balance(of.account), cash.prove(db, of.account).unexplained.minor) == (0, 0)


def pay(db: Connection, bank: SandboxBank, placed: Order, number: int) -> None:
    """The number-th family pays its order, and the service hears of it."""
    payer, payer_account, paid_at = f"王芳{number}", f"622200000000000{number}", at(7, 21, 13, number)
    serial = bank.pay(
        account=ACCOUNT,
        amount_minor=placed.amount,
        payer=payer,
        payer_account=payer_account,
        remark=placed.reference,
        at=paid_at,
    )
    told = credit(placed.reference, serial=serial, payer=payer, payer_account=payer_account, paid_at=paid_at)
    receive(db, told, now=paid_at)


def send(db: Connection, bank: SandboxBank, on: tuple[int, int]) -> None:
    """The bank takes what was decided and executes it."""
    batch = batches.make(db, by=BUREAU, now=at(*on))
    assert bank.deliver(batches.file_of(db, batch.id), at=at(*on, 15)).status == "accepted"


def settle(db: Connection, bank: SandboxBank, on: tuple[int, int]) -> int:
    """The statement up to a day is imported and reconciled; how many breaks are open."""
    data = bank.statement(ACCOUNT, begins=date(2026, 7, 1), ends=date(2026, *on), format="camt.053")
    statements.import_file(db, data, filename="statement", account=ACCOUNT, by=BUREAU, now=at(*on, 17))
    return len(reconciling.reconcile(db, ACCOUNT, by=BUREAU, now=at(*on, 17)).open)
