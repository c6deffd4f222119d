"""Payout files: everything that was decided, once, the same bytes for ever, taken by a bank that checks them."""

import hashlib
from pathlib import Path

import pytest
from lxml import etree
from sqlalchemy import Connection

from escrow.access.caller import Caller
from escrow.bank.sandbox import SandboxBank
from escrow.payouts import batches, closures, instructions, refunds, releases
from escrow.payouts.batches import NothingToSend
from escrow.refusals import Forbidden, Unknown
from tests.escrow.county import (
    BANK,
    BUREAU,
    RULEBOOK,
    School,
    at,
    balances,
    breaches,
    confirmed,
    enrolled,
    requested,
    school,
)

NS = {"p": "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"}


def decided(db: Connection) -> tuple[School, School]:
    """A release of 333.33 and a refund of 666.67 from one account, a refund of 1000.00 from another."""
    of, other = school(db, 1), school(db, 2)
    child, contract = enrolled(db, of, 1)
    confirmed(db, of, (child, contract), on=(8, 3))
    releases.approve(db, requested(db, of).id, by=BUREAU, now=at(9, 11))
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(9, 11))
    second, foreign = enrolled(db, other, 2)
    refunds.ask(db, foreign.id, rulebook=RULEBOOK, by=second.caller, now=at(9, 11))
    return of, other


def test_a_batch_takes_every_decided_payout_once(db: Connection) -> None:
    decided(db)
    batch = batches.make(db, by=BUREAU, now=at(9, 11, 15))
    assert (batch.lines, batch.total) == (3, 200000)
    assert {each.state for each in instructions.of_batch(db, batch.id)} == {"sent"}
    with pytest.raises(NothingToSend):
        batches.make(db, by=BANK, now=at(9, 11, 16))
    assert balances(db)["bank/6200000001"] == 100000, "sent is not left: the statement decides"
    assert breaches(db) == []


def test_its_file_names_each_account_and_payee_and_adds_up(db: Connection) -> None:
    of, other = decided(db)
    batch = batches.make(db, by=BUREAU, now=at(9, 11, 15))
    message = etree.fromstring(batches.file_of(db, batch.id))

    def texts(path: str) -> list[str]:
        return [each.text or "" for each in message.iterfind(path, NS)]

    assert texts(".//p:GrpHdr/p:MsgId") == [batch.message_id]
    assert texts(".//p:GrpHdr/p:CtrlSum") == ["2000.00"]
    assert texts(".//p:DbtrAcct/p:Id/p:Othr/p:Id") == [of.account, other.account]
    assert texts(".//p:InstdAmt") == ["333.33", "666.67", "1000.00"]
    assert texts(".//p:CdtrAcct/p:Id/p:Othr/p:Id") == ["6300000001", "6222000000000001", "6222000000000002"]
    assert texts(".//p:EndToEndId") == [each.end_to_end for each in instructions.of_batch(db, batch.id)]
    assert texts(".//p:ReqdExctnDt/p:Dt") == ["2026-09-11"] * 2


def test_the_file_is_the_same_bytes_later_and_is_what_its_digest_says(db: Connection) -> None:
    of, _ = decided(db)
    batch = batches.make(db, by=BUREAU, now=at(9, 11, 15))
    first = batches.file_of(db, batch.id)
    closures.freeze(db, of.institution.id, reason="停业", by=of.caller, now=at(9, 12))

    assert batches.file_of(db, batch.id) == first
    assert batches.get(db, batch.id) == batch
    assert hashlib.sha256(first).hexdigest() == batch.sha256


def test_a_bank_takes_the_file_and_executes_each_line_once(db: Connection, tmp_path: Path) -> None:
    decided(db)
    batch = batches.make(db, by=BUREAU, now=at(9, 11, 15))
    with SandboxBank.open(tmp_path / "bank.db", key=SandboxBank.new_key("bank-1")) as bank:
        for account in ("6200000001", "6200000002"):
            bank.open_account(account, "机构")
            bank.pay(
                account=account,
                amount_minor=100000,
                payer="王芳",
                payer_account="6222",
                remark="",
                at=at(7, 21),
            )
        first, again = (bank.deliver(batches.file_of(db, batch.id), at=at(9, 11, 16)) for _ in range(2))
        assert (first.status, first, bank.balance("6200000001")) == ("accepted", again, 0)


def test_only_the_bureau_and_the_bank_make_batches(db: Connection) -> None:
    decided(db)
    for role in ("family", "institution", "auditor"):
        with pytest.raises(Forbidden):
            batches.make(db, by=Caller(name="x", role=role), now=at(9, 11))
    with pytest.raises(Unknown):
        batches.get(db, 1)
    with pytest.raises(Unknown):
        batches.file_of(db, 1)
