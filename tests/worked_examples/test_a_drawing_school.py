"""A family of a drawing school, from the contract to the last lesson and the release: every balance on the way."""

from datetime import date
from pathlib import Path

from sqlalchemy import Connection

from escrow.access import keys
from escrow.bank.sandbox import SandboxBank
from escrow.enrolment import notifications
from escrow.payouts import batches, releases
from escrow.settlement import cash, reconciling, statements
from escrow.teaching import confirmations
from ledger.balances import trial_balance
from qrpay.webhooks import verify
from tests.escrow.county import BUREAU, at, breaches, draft, family, order, requested, school, sign, teach


def test_a_family_of_a_drawing_school(db: Connection, tmp_path: Path) -> None:
    # On 20 July 明日美术 signs a contract for 小明: four lessons and a gifted one for 500.01 yuan.
    of, child = school(db), family(db)
    contract = sign(
        db, of, draft(of, child, lessons=4, gifted=1, price="500.01", last_lesson=date(2026, 8, 28))
    ).contract
    names = {
        of.institution.bank_path: "the bank account",
        f"{of.institution.bank_path}/suspense": "suspense",
        f"{of.institution.bank_path}/interest": "interest",
        f"{of.institution.bank_path}/fees": "fees",
        contract.prepaid_path: "prepaid",
        contract.refund_path: "refund",
        of.institution.earned_path: "earned",
        of.institution.payout_path: "payout",
    }

    def books() -> dict[str, int]:
        """Every account there is, in fen; the empty ones are left out."""
        assert breaches(db) == []
        return {names[each.path]: each.amount for each in trial_balance(db) if each.amount}

    # The guardian scans the code and pays; the bank gives its signed word.
    with SandboxBank.open(tmp_path / "bank.db", key=SandboxBank.new_key("bank-1")) as bank:
        bank.open_account(of.account, of.institution.name)
        keys.trust_bank(db, bank.public_key(not_before=at(7, 1)))
        placed = order(db, contract)
        bank.pay(
            account=of.account,
            amount_minor=placed.amount,
            payer="王芳1",
            payer_account="6222000000000001",
            remark=f"{placed.reference} 学费",
            at=at(7, 21, 13),
        )
        (notice,) = bank.due(at(7, 21, 14))
        event = verify(notice.headers, notice.body, keys=keys.bank_keys(db), now=at(7, 21, 14))
        notifications.hear(db, event, now=at(7, 21, 14))
        assert books() == {"the bank account": 50001, "prepaid": 50001}

        # Four lessons in August: two confirmed on the day, one in silence, one disputed and decided for the school.
        lessons = [teach(db, of, [contract], on=(8, day)) for day in (3, 10, 17, 24)]
        for lesson, on in zip(lessons[:2], ((8, 3), (8, 10)), strict=True):
            confirmations.confirm(db, lesson, contract.id, by=child.caller, now=at(*on, 18))
        assert books() == {"the bank account": 50001, "prepaid": 25001, "earned": 25000}
        confirmations.dispute(db, lessons[3], contract.id, reason="早退", by=child.caller, now=at(8, 24, 18))
        confirmations.confirm_by_silence(db, by=BUREAU, now=at(8, 25, 0))
        assert books() == {"the bank account": 50001, "prepaid": 12501, "earned": 37500}

        # In September's window the school asks for August: three lessons, for the fourth is disputed.
        request = requested(db, of, now=at(9, 10, 0))
        assert (request.amount, request.lessons) == (37500, 3)
        releases.approve(db, request.id, by=BUREAU, now=at(9, 11))
        confirmations.decide(db, lessons[3], contract.id, taught=True, reason="有签到", by=BUREAU, now=at(9, 12))
        assert books() == {"the bank account": 50001, "earned": 12501, "payout": 37500}

        # The gifted lesson moves nothing. The bank executes the payout file, and its statement says so.
        gifted = teach(db, of, [contract], on=(8, 28))
        confirmations.confirm(db, gifted, contract.id, by=child.caller, now=at(9, 12))
        batch = batches.make(db, by=BUREAU, now=at(9, 14))
        bank.deliver(batches.file_of(db, batch.id), at=at(9, 14, 15))
        bank.pay_interest(of.account, 7, at=at(9, 21))
        data = bank.statement(of.account, begins=date(2026, 7, 1), ends=date(2026, 9, 30), format="camt.053")
        statements.import_file(db, data, filename="september", account=of.account, by=BUREAU, now=at(10, 1))
        assert reconciling.reconcile(db, of.account, by=BUREAU, now=at(10, 1)).open == []

        # What is left is one lesson, confirmed too late for September, and the bank's interest.
        assert books() == {"the bank account": 12508, "earned": 12501, "interest": 7}
        proof = cash.prove(db, of.account)
        assert (proof.statement_balance.minor, proof.unexplained.minor) == (bank.balance(of.account), 0)
        assert requested(db, of, "2026-09", now=at(10, 15, 23, 59)).amount == 12501
