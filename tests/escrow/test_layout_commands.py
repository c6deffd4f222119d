"""`escrow statement profiles` and `check`: what a person at the terminal learns of a bank's file."""

from pathlib import Path

import pytest

from escrow.cli import main
from reconciliation import bill_profiles, profiles
from tests.reconciliation.bank_files import (
    ACCOUNT,
    NEW_HEADER,
    NEW_ROWS,
    OLD_HEADER,
    OLD_ROWS,
    camt,
    corporate,
    day,
    entry,
)
from tests.reconciliation.bill_files import Trade, unionpay, wechat


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """How the command ended and what it printed."""
    with pytest.raises(SystemExit) as ended:
        main(["statement", *arguments])
    return int(ended.value.code or 0), capsys.readouterr().out


def check(capsys: pytest.CaptureFixture[str], tmp_path: Path, data: bytes) -> tuple[int, str]:
    file = tmp_path / "明细.csv"
    file.write_bytes(data)
    return told(capsys, "check", str(file))


def test_every_profile_is_listed_with_bank_file_row_and_columns(capsys: pytest.CaptureFixture[str]) -> None:
    status, out = told(capsys, "profiles")
    assert status == 0
    for each in profiles.known():
        assert f"{each.name} ({each.bank}): {each.file}; header on row {each.header_row}\n" in out
        assert f"columns: {'，'.join(each.header)}\n" in out
    assert all(each.name in out for each in bill_profiles.known())


def test_a_file_that_fits_is_told_with_its_figures_and_why_no_other_profile_does(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    status, out = check(capsys, tmp_path, corporate(OLD_HEADER, OLD_ROWS))
    assert status == 0
    assert "can be imported" in out
    assert (
        f"icbc-corporate-old: {ACCOUNT} CNY, 2026-10-08 – 2026-10-21, 5 lines, opening 10000.00, closing 9773.21" in out
    )
    assert "  icbc-corporate-old (中国工商银行): fits, header on row 3\n" in out
    assert "  icbc-corporate-new (中国工商银行): row 3: lacks 金额，对方单位，附言; has in addition 借方发生额" in out
    assert out.count("lacks") + out.count("no column in common") == len(profiles.known()) - 1


def test_a_file_that_fits_but_does_not_hold_together_says_both(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    status, out = check(capsys, tmp_path, corporate(OLD_HEADER, [OLD_ROWS[0], *OLD_ROWS[2:]]))
    assert status == 1
    assert "refused\nrow 5: the running balance" in out
    assert "icbc-corporate-old (中国工商银行): fits, header on row 3" in out


def test_a_file_that_nearly_fits_says_what_it_lacks(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, out = check(capsys, tmp_path, corporate(NEW_HEADER.replace("附言", "留言"), NEW_ROWS))
    assert status == 1
    nearest = out[out.index("compared with each profile:") :].splitlines()[1]
    assert nearest == "  icbc-corporate-new (中国工商银行): row 3: lacks 附言; has in addition 留言"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (
            wechat([Trade(order="A", amount=100, fee=1)]).encode(),
            "wechat-bill: 微信支付, 1 payments and refunds, net 0.99",
        ),
        (unionpay([Trade(order="A", amount=100, fee=1)]), "账单没有合计"),
        (day(entry("5.00", serial="B-1"), opening="0.00", closing="5.00"), "1 lines, opening 0.00, closing 5.00"),
    ],
)
def test_bills_and_camt_need_no_profile_of_a_bank(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, data: bytes, sentence: str
) -> None:
    status, out = check(capsys, tmp_path, data)
    assert (status, sentence in out) == (0, True)


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n\0", camt(), b"<html></html>", b"PK\x03\x04"])
def test_what_is_no_statement_ends_with_a_sentence_and_status_1(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, data: bytes
) -> None:
    status, out = check(capsys, tmp_path, data)
    assert status == 1
    assert "明细.csv: refused\n" in out
