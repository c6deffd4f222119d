"""The demonstration as a user runs it: files on disk, keys that open, codes that scan, and a last line."""

import io
import re
from pathlib import Path

import pytest
import zxingcpp
from lxml import etree
from PIL import Image
from rich.console import Console
from sqlalchemy import select

import escrow.demo
from escrow.access.keys import caller_of
from escrow.db import open_engine, snapshot
from escrow.demo import County
from escrow.enrolment.tables import payment_order
from qrpay import emv

SMALL = County(subject=2, non_subject=6, families=8)
PAIN = {"p": "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"}


def run(folder: Path) -> tuple[bool, list[str]]:
    output = io.StringIO()
    is_right = escrow.demo.run(folder, seed=3, console=Console(file=output), county=SMALL)
    return is_right, output.getvalue().splitlines()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run") / "demo-data"


@pytest.fixture(scope="module")
def printed(folder: Path) -> list[str]:
    is_right, lines = run(folder)
    assert is_right
    return lines


def test_the_last_line_is_the_audits_and_no_line_is_too_wide(printed: list[str]) -> None:
    assert printed[-1] == "audit: ok"
    assert not re.search(r"\x1b", "\n".join(printed)), "no colours and no progress bar in a file"
    for title in ("个案 The cases", "试算平衡表", "Proof of cash", "预警 Alerts", "Breaks still open"):
        assert any(title in line for line in printed)


def test_the_bank_files_and_codes_are_on_disk(folder: Path, printed: list[str]) -> None:
    bank = sorted(each.name for each in (folder / "bank").iterdir())
    assert sum(name.endswith(".camt.053.xml") for name in bank) > sum(name.endswith(".csv") for name in bank) > 0
    payouts = list((folder / "bank").glob("*.pain.001.xml"))
    assert sum(len(etree.parse(each).findall(".//p:CdtTrfTxInf", PAIN)) for each in payouts) > 20
    assert len(list((folder / "qr").iterdir())) == 8 * 4


def test_a_code_says_what_its_order_says(folder: Path, printed: list[str]) -> None:
    engine = open_engine(f"sqlite:///{folder / 'escrow.db'}")
    with snapshot(engine) as db:
        amounts = {row.reference: row.amount for row in db.execute(select(payment_order))}
    engine.dispose()

    for picture in (folder / "qr").glob("*-emv.png"):
        [read] = zxingcpp.read_barcodes(Image.open(picture))
        code = emv.parse(read.bytes.decode("utf-8"))
        assert code.reference == picture.name.removesuffix("-emv.png")
        assert code.amount is not None
        assert code.amount.minor == amounts[code.reference]


def test_every_key_in_the_file_opens_as_its_caller(folder: Path, printed: list[str]) -> None:
    rows = [line.split() for line in (folder / "api-keys.txt").read_text(encoding="utf-8").splitlines()[1:]]
    engine = open_engine(f"sqlite:///{folder / 'escrow.db'}")
    with snapshot(engine) as db:
        callers = [caller_of(db, key) for _, _, key in rows]
    engine.dispose()

    assert [(each.role, each.name) for each in callers if each] == [(role, name) for role, name, _ in rows]
    assert {role for role, _, _ in rows} == {"bureau", "bank", "auditor", "institution", "family"}


def test_the_same_seed_prints_the_same_again_over_the_old_folder(folder: Path, printed: list[str]) -> None:
    is_right, again = run(folder)

    assert is_right
    assert [line for line in again if "用时" not in line] == [line for line in printed if "用时" not in line]
