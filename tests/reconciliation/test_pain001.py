"""pain.001.001.09: what is written is valid and says exactly what was asked; what cannot be written is refused."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ledger.money import Money
from reconciliation.pain001 import (
    NAMESPACE,
    BadTransfer,
    CreditTransfer,
    DebitAccount,
    EmptyBatch,
    PaymentFile,
    PaymentFileRefused,
    SchemaRefused,
    write,
)


def transfer(number: int = 1, minor: int = 128_000, **given: str) -> CreditTransfer:
    texts = {"creditor": "某某校外培训学校", "creditor_account": "6228480402564890018", "remittance": "10月划拨"}
    return CreditTransfer(**{"end_to_end": f"PO-{number}", **texts, **given}, amount=Money(minor))


def file(*debits: DebitAccount, message_id: str = "M-20261008") -> PaymentFile:
    return PaymentFile(
        message_id=message_id,
        created_at=datetime(2026, 10, 8, 1, 2, 3, tzinfo=UTC),
        requested_on=date(2026, 10, 9),
        initiator="某某区教育局",
        debits=debits,
    )


def debit(*transfers: CreditTransfer, account: str = "1202021019900123456") -> DebitAccount:
    return DebitAccount(name="监管专户", account=account, transfers=transfers)


def texts(data: bytes, path: str) -> list[str | None]:
    steps = "/".join(f"{{{NAMESPACE}}}{step}" for step in path.split("/"))
    return [each.text for each in etree.fromstring(data).iterfind(f".//{steps}")]


def test_accounts_names_counts_and_sums_are_written_as_asked() -> None:
    data = write(
        file(
            debit(transfer(1), transfer(2, 1, bank="103100000026", remittance="")),
            debit(transfer(3, 50), account="9558"),
        )
    )
    assert texts(data, "GrpHdr/NbOfTxs") == ["3"]
    assert texts(data, "GrpHdr/CtrlSum") == ["1280.51"]
    assert texts(data, "PmtInf/NbOfTxs") == ["2", "1"]
    assert texts(data, "PmtInf/CtrlSum") == ["1280.01", "0.50"]
    assert texts(data, "PmtInf/PmtInfId") == ["M-20261008-1", "M-20261008-2"]
    assert texts(data, "DbtrAcct/Id/Othr/Id") == ["1202021019900123456", "9558"]
    assert texts(data, "CdtrAcct/Id/Othr/Id") == ["6228480402564890018"] * 3
    assert texts(data, "Cdtr/Nm") == ["某某校外培训学校"] * 3
    assert texts(data, "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId") == ["103100000026"]
    assert texts(data, "InstdAmt") == ["1280.00", "0.01", "0.50"]
    assert texts(data, "RmtInf/Ustrd") == ["10月划拨"] * 2
    assert texts(data, "CreDtTm") == ["2026-10-08T01:02:03+00:00"]


@pytest.mark.parametrize("debits", [(), (debit(),), (debit(transfer()), debit())])
def test_an_empty_batch_is_refused(debits: tuple[DebitAccount, ...]) -> None:
    with pytest.raises(EmptyBatch):
        write(file(*debits))


@pytest.mark.parametrize(
    "broken",
    [
        transfer(end_to_end="E" * 36),
        transfer(end_to_end=""),
        transfer(creditor=""),
        transfer(creditor="校" * 141),
        transfer(creditor_account="6" * 35),
        transfer(remittance="学费\x00"),
        transfer(bank="1" * 36),
    ],
)
def test_what_the_schema_refuses_is_refused_with_its_lines(broken: CreditTransfer) -> None:
    with pytest.raises(SchemaRefused) as refused:
        write(file(debit(broken)))
    assert refused.value.lines
    assert refused.value.chinese


def test_an_end_to_end_id_of_35_characters_is_written_and_one_twice_is_not() -> None:
    longest = transfer(end_to_end="E" * 35)
    assert texts(write(file(debit(longest))), "EndToEndId") == ["E" * 35]
    with pytest.raises(BadTransfer, match="stands twice"):
        write(file(debit(longest), debit(longest, account="9558")))


@pytest.mark.parametrize("minor", [0, -1])
def test_nothing_and_less_than_nothing_cannot_be_paid(minor: int) -> None:
    with pytest.raises(BadTransfer, match="above zero"):
        write(file(debit(transfer(minor=minor))))


def test_a_time_without_zone_is_an_error_of_the_caller() -> None:
    naive = PaymentFile(
        message_id="M",
        created_at=datetime(2026, 10, 8),  # noqa: DTZ001 the very thing that is refused
        requested_on=date(2026, 10, 9),
        initiator="某某区教育局",
        debits=(debit(transfer()),),
    )
    with pytest.raises(ValueError, match="zone"):
        write(naive)


@given(st.lists(st.integers(1, 10**15), min_size=1, max_size=8), st.text(max_size=150), st.text(max_size=40))
@settings(max_examples=80, deadline=None)
def test_whatever_is_written_sums_to_the_fen_and_the_rest_is_refused(
    amounts: list[int], name: str, account: str
) -> None:
    transfers = [
        transfer(number, minor, creditor=name, creditor_account=account) for number, minor in enumerate(amounts)
    ]
    data = b""
    try:
        data = write(file(debit(*transfers)))
    except PaymentFileRefused:
        return
    assert texts(data, "GrpHdr/CtrlSum") == [Money(sum(amounts)).major]
    assert texts(data, "InstdAmt") == [Money(minor).major for minor in amounts]
    assert texts(data, "Cdtr/Nm") == [name] * len(amounts)
