"""The commands: what they print, how they fail, and that a failure is a sentence and an exit status."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import Engine, text

from escrow.access import four_eyes, keys
from escrow.access.caller import Caller
from escrow.access.four_eyes import SamePerson
from escrow.bank.sandbox import SandboxBank
from escrow.cli import main
from escrow.db import snapshot, transaction
from escrow.enrolment import notifications
from escrow.oversight.audit import audit
from escrow.registry import institutions
from escrow.registry.credit_code import check_character
from escrow.registry.institutions import Institution, Registration
from ledger.accounts import open_accounts
from ledger.blocks import published
from ledger.entries import NewAccount, Transfer
from ledger.posting import post_all
from qrpay.webhooks import SigningKey, verify
from tests.escrow.running import run

BUREAU = Caller(name="zhang", role="bureau")
ACCOUNT = "6200000001"
KEY = SigningKey(key_id="bank-1", algorithm="v1a", material=hashlib.sha256(b"the bank").digest())
THEN = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


Escrow = Callable[..., Ended]


@pytest.fixture
def escrow(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Escrow:
    """`escrow ARGUMENTS` in an empty folder, within this process."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str, url: str | None = None) -> Ended:
        if url is not None:
            monkeypatch.setenv("ESCROW_DATABASE_URL", url)
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        told = capsys.readouterr()
        return Ended(int(ended.value.code or 0), told.out, told.err)

    return command


@pytest.fixture
def school(engine: Engine) -> Institution:
    code = "91500110MA5U00001"
    filed = Registration(
        name="明日美术",
        credit_code=code + check_character(code),
        licence_no="L1",
        licence_expires=date(2027, 8, 1),
        category="non_subject",
        mode="offline",
        jurisdiction="900001",
        supervised_account=ACCOUNT,
        settlement_account="6300000001",
    )
    with transaction(engine) as db:
        keys.trust_bank(db, KEY.verifier(not_before=datetime(2026, 1, 1, tzinfo=UTC)))
        return institutions.register(db, filed, by=BUREAU, now=THEN)


def test_the_banks_day_from_the_terminal(escrow: Escrow, engine: Engine, school: Institution, tmp_path: Path) -> None:
    """One payment was notified, one only stands on the statement; the proof of cash names nothing unexplained."""
    with SandboxBank.open(tmp_path / "bank.db", key=KEY) as bank:
        bank.open_account(ACCOUNT, school.name)
        _pay(bank, 1280_00)
        _hear(bank, engine)
        _pay(bank, 5_00)
        file = tmp_path / "statement.xml"
        file.write_bytes(bank.statement(ACCOUNT, begins=THEN.date(), ends=THEN.date(), format="camt.053"))

    imported = escrow("statement", "import", str(file), "--account", ACCOUNT, url=url_of(engine))
    assert imported.status == 0, imported.err
    assert f"{ACCOUNT}: 2026-09-01 – 2026-09-01, 2 lines, 2 of them new" in imported.out
    assert "matched: serial 1" in imported.out
    assert "booked: credit 1" in imported.out
    again = escrow("statement", "import", str(file), "--account", ACCOUNT)
    assert "0 of them new" in again.out
    reconciled = escrow("reconcile", "--account", ACCOUNT)
    assert "open breaks: 0" in reconciled.out
    assert re.search(r"对账单余额 +1285\.00\n未解释差额 +0\.00\n", reconciled.out)
    proved = escrow("day", "prove", "2026-09-01", "--account", ACCOUNT)
    assert "bank and fees 1285.00, owed 1285.00: tied out" in proved.out
    signed = escrow("day", "sign-off", "2026-09-01", "--account", ACCOUNT)
    assert f"{ACCOUNT}: signed off up to 2026-09-01 by" in signed.out
    assert "is signed off up to 2026-09-01 already" in escrow("day", "sign-off", "2026-09-01", "--account", ACCOUNT).err
    files = [tmp_path / f"breaks.{each}" for each in ("csv", "xlsx", "svg")]
    reported = escrow("breaks", "report", *(f"--{each.suffix[1:]}={each}" for each in files))
    assert re.search(rf"{ACCOUNT} 款项待查 \d+\.00 .*逾期, 无责任人", reported.out)
    assert [each.read_bytes()[:4] for each in files] == [b"\xef\xbb\xbf\xe7", b"PK\x03\x04", b"<svg"]
    balance = escrow("ledger", "trial-balance")
    assert re.search(rf"bank/{ACCOUNT} .*asset .*1285\.00 .*0\.00 .*1285\.00", balance.out)
    before = escrow("ledger", "trial-balance", "--as-of", "2026-08-31")
    assert re.search(rf"bank/{ACCOUNT} .*asset .*0\.00 .*0\.00 .*0\.00", before.out)
    tree = escrow("ledger", "tree", "bank")
    assert re.search(rf"bank/{ACCOUNT} +4 +1285\.00 +1285\.00 +0\.00 *\n bank +4 +1285\.00 +1285\.00 +0\.00", tree.out)
    assert re.search(r"bank +4 +0\.00 +0\.00 +0\.00", escrow("ledger", "tree", "--as-of", "2026-08-31").out)
    nowhere = escrow("ledger", "tree", "ban")
    assert (nowhere.status, nowhere.out) == (1, "")
    assert "there is no account ban and none below it" in nowhere.err
    assert escrow("audit").out == "audit: ok\n"


def test_a_file_that_is_no_statement_is_refused_with_a_sentence_and_imports_nothing(
    escrow: Escrow, engine: Engine, school: Institution, tmp_path: Path
) -> None:
    file = tmp_path / "holiday.jpg"
    file.write_bytes(b"\xff\xd8\xff\xe0 no statement")
    refused = escrow("statement", "import", str(file), "--account", ACCOUNT, url=url_of(engine))
    assert refused.status == 1
    assert "holiday.jpg" in refused.err
    assert "文件" in refused.err
    assert "Traceback" not in refused.err
    with snapshot(engine) as db:
        assert db.execute(text("SELECT count(*) FROM statement")).scalar() == 0


def test_the_audit_names_the_first_breach_and_ends_with_status_one(
    escrow: Escrow, engine: Engine, school: Institution
) -> None:
    with transaction(engine) as db:
        path = f"bank/{school.supervised_account}"
        db.execute(text("UPDATE ledger_account SET debits_posted = 1 WHERE path = :path"), {"path": path})
    audited = escrow("audit", url=url_of(engine))
    assert audited.status == 1
    assert audited.out.startswith(f"audit: totals are the sums of transfers: bank/{ACCOUNT}")
    assert audited.out.count("\n") == 1


def test_the_books_are_sealed_their_head_is_published_and_the_audit_holds_them_to_it(
    escrow: Escrow, engine: Engine, school: Institution, tmp_path: Path
) -> None:
    assert "nothing is sealed yet; seal it with: escrow ledger seal" in escrow("ledger", "head", url=url_of(engine)).err
    with transaction(engine) as db:
        prepaid = NewAccount(path="contract/1/prepaid", kind="liability")
        open_accounts(db, [prepaid])
        paid = Transfer(
            debit=f"bank/{ACCOUNT}", credit=prepaid.path, amount=5, kind="payment", reference="pay-1", effective=THEN
        )
        post_all(db, [paid], now=THEN)
    assert escrow("ledger", "seal").out == "sealed: 1 transfers in 1 blocks\n"
    assert escrow("ledger", "seal").out == "sealed: 0 transfers in 0 blocks\n"
    head = tmp_path / "head.json"
    head.write_text(escrow("ledger", "head").out)
    with transaction(engine) as db:
        assert keys.seal_keys(db) == {bytes.fromhex(json.loads(head.read_text())["header"]["key"])}
        assert next(audit(db, published=dict([published(head.read_text())]))).invariant != "blocks are unbroken"
    head.write_text(head.read_text().replace('"total": 1', '"total": 2'))
    assert escrow("audit", "--head", str(head)).out == (
        "audit: blocks are unbroken: block 1: its head was published with another hash\n"
    )
    head.write_text("[]")
    assert "a head is JSON" in escrow("audit", "--head", str(head)).err
    sqlite = engine.dialect.name == "sqlite"
    unguard = "DROP TRIGGER ledger_transfer_no_update" if sqlite else "ALTER TABLE ledger_transfer DISABLE TRIGGER USER"
    with transaction(engine) as db:
        db.execute(text(unguard))
        db.execute(text("UPDATE ledger_transfer SET amount = 6"))
    assert escrow("audit").out.startswith("audit: sealed transfers stay as they were: pay-1: transfer ")


def test_a_key_that_is_issued_is_shown_once_and_known(escrow: Escrow, engine: Engine) -> None:
    issued = escrow("keys", "issue", "--name", "李主任", "--role", "bureau", url=url_of(engine))
    assert issued.status == 0, issued.err
    with snapshot(engine) as db:
        assert keys.caller_of(db, issued.out.strip()) == Caller(name="李主任", role="bureau")
    assert escrow("keys", "issue", "--name", "x", "--role", "family").status == 2
    assert escrow("keys", "issue", "--name", "x", "--role", "bureau", "--party", "1").status == 2
    assert escrow("keys", "issue", "--name", "x", "--role", "king").status == 2
    assert escrow("keys", "issue", "--name", "x", "--role", "bureau", "--person", " ").status == 2
    assert (
        escrow("keys", "issue", "--name", "张科长", "--role", "bureau", "--person", "7", url=url_of(engine)).status == 0
    )
    assert (
        escrow("keys", "issue", "--name", "张三", "--role", "bureau", "--person", "7", url=url_of(engine)).status == 0
    )
    with transaction(engine) as db, pytest.raises(SamePerson):
        four_eyes.must_be_another(db, Caller(name="张三", role="bureau"), "张科长", what="closure", what_zh="申请")
    public = "e3vpVDmOQbtrsUp5kEuoNDcwWHIr/1y5Nbxk7Ef8NPo="
    assert escrow("keys", "trust", "--key-id", "bank-9", "--public-key", public).status == 0
    assert escrow("keys", "trust", "--key-id", "bank-9", "--public-key", public).status == 1, "it is trusted already"
    assert escrow("keys", "trust", "--key-id", "bank-8", "--public-key", "AAAA").status == 2


def test_the_daily_commands_say_what_they_did(escrow: Escrow, engine: Engine, school: Institution) -> None:
    assert escrow("monitor", url=url_of(engine)).out == "alerts: 0\n"
    assert escrow("silence").out == "confirmed: 0 lessons, 0.00 CNY; not paid for: 0\n"
    for form in ("hledger", "beancount", "csv"):
        assert escrow("ledger", "export", "--format", form).status == 0
    assert escrow("ledger", "export", "--format", "excel").status == 2
    nothing = escrow("reconcile", "--account", ACCOUNT)
    assert nothing.status == 0
    assert "no proof of cash yet" in nothing.out


def test_what_is_not_there_is_named_in_one_line_without_a_traceback(escrow: Escrow, tmp_path: Path) -> None:
    nobody = "postgresql+psycopg://x:secret@127.0.0.1:1/x"
    (tmp_path / "empty.db").touch()
    cases = [
        (("audit",), "sqlite:///nowhere.db", "escrow db upgrade"),
        (("audit",), "sqlite:///empty.db", "escrow db upgrade"),
        (("audit",), nobody, "cannot be reached"),
        (("db", "upgrade"), nobody, "cannot be reached"),
        (("serve",), "sqlite:///nowhere.db", "escrow db upgrade"),
        (("audit",), "nonsense", "ESCROW_DATABASE_URL"),
        (("statement", "import", "missing.xml", "--account", "1"), "sqlite:///nowhere.db", "missing.xml"),
    ]
    for arguments, url, wanted in cases:
        ended = escrow(*arguments, url=url)
        assert (ended.status, ended.out) == (1, ""), arguments
        assert wanted in ended.err
        assert ended.err.startswith("escrow: ")
        assert "secret" not in ended.err
    assert not (tmp_path / "nowhere.db").exists()


def test_a_setting_that_cannot_be_is_named(escrow: Escrow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESCROW_REGION", "12")
    ended = escrow("audit")
    assert ended.status == 1
    assert "ESCROW_REGION" in ended.err


def test_a_new_database_is_made_from_a_shell(tmp_path: Path) -> None:
    url = "sqlite:///fresh.db"
    made = run("db", "upgrade", url=url, folder=tmp_path)
    assert (made.returncode, made.stdout, made.stderr) == (0, f"{url} is up to date\n", "")
    assert (tmp_path / "fresh.db").exists()


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def _pay(bank: SandboxBank, fen: int) -> None:
    bank.pay(account=ACCOUNT, amount_minor=fen, payer="王芳", payer_account="6222", remark="学费", at=THEN)


def _hear(bank: SandboxBank, engine: Engine) -> None:
    with transaction(engine) as db:
        for notice in bank.due(THEN):
            event = verify(notice.headers, notice.body, keys=keys.bank_keys(db), now=THEN)
            notifications.hear(db, event, now=THEN)
