"""Payout files: everything that was decided, once, the same bytes for ever, taken by a bank that checks them."""

import csv
import hashlib
import io
from pathlib import Path

import pytest
from lxml import etree
from sqlalchemy import Connection

from escrow.access.caller import Caller
from escrow.bank.sandbox import SandboxBank
from escrow.payouts import batch_files, batches, closures, instructions, refunds, releases
from escrow.payouts.batches import NothingToSend
from escrow.refusals import Forbidden, Unknown
from ledger.money import Money
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
    family,
    pay,
    requested,
    school,
    signed,
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


def test_the_table_for_the_bank_says_the_same_and_ends_with_its_control_totals(db: Connection) -> None:
    of, other = decided(db)
    batch = batches.make(db, by=BUREAU, now=at(9, 11, 15))
    table = batches.table_of(db, batch.id)
    header, *rows = csv.reader(io.StringIO(table.decode("utf-8-sig")))

    assert tuple(header) == batch_files.COLUMNS
    sums = [(row[2], row[1], row[6], row[7]) for row in rows if row[0] == batch_files.TRAILER]
    assert sums == [
        (of.account, "1", "2 笔", "1000.00"),
        (other.account, "1", "1 笔", "1000.00"),
        ("", "", "3 笔", "2000.00"),
    ]
    lines = [(row[2], row[4], row[5], row[7]) for row in rows if row[0] == batch.message_id]
    wanted = instructions.of_batch(db, batch.id)
    assert lines == [
        (each.supervised_account, each.end_to_end, each.creditor_account, Money(each.amount).major) for each in wanted
    ]
    assert hashlib.sha256(table).hexdigest() == batch.csv_sha256
    assert batch_files.encoded(table, "gb18030").decode("gb18030") == table.decode("utf-8-sig")


def test_a_payees_name_is_never_a_formula_in_the_table(db: Connection) -> None:
    of = school(db)
    child = family(db)
    contract = signed(db, of, child)
    pay(db, of, contract, payer='=HYPERLINK("http://x","退费")')
    refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(8, 1))
    batch = batches.make(db, by=BUREAU, now=at(8, 1))
    row = list(csv.reader(io.StringIO(batches.table_of(db, batch.id).decode("utf-8-sig"))))[1]
    assert row[6].startswith("'=HYPERLINK")


def test_each_account_counts_its_batches_without_a_gap(db: Connection) -> None:
    of, other = school(db, 1), school(db, 2)
    numbers: list[dict[str, int]] = []
    for number, homes in enumerate(([of], [of, other], [other], [of]), start=1):
        for each in homes:
            child, contract = enrolled(db, each, number)
            refunds.ask(db, contract.id, rulebook=RULEBOOK, by=child.caller, now=at(9, 11))
        batch = batches.make(db, by=BUREAU, now=at(9, 11))
        numbers.append({part.supervised_account: part.number for part in batches.parts(db, batch.id)})
    a, b = of.account, other.account
    assert numbers == [{a: 1}, {a: 2, b: 1}, {b: 2}, {a: 3}]
