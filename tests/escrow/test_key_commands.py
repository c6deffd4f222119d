"""`escrow keys` and `escrow merchants` at a terminal."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from sqlalchemy import Engine

from escrow.access import keys
from escrow.cli import main
from escrow.db import open_engine, snapshot, transaction
from tests.escrow.county import school
from tests.qrpay.signers import RSA
from tests.qrpay.test_label import MARK

Escrow = Callable[..., tuple[int, str, str]]
ED25519 = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def escrow(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sqlite_url: str) -> Escrow:
    """`escrow ARGUMENTS` within this process: its exit status, what it printed, what it complained."""
    monkeypatch.setenv("ESCROW_DATABASE_URL", sqlite_url)

    def command(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return command


def _engine(url: str) -> Engine:
    return open_engine(url)


def test_a_key_is_trusted_listed_and_ended(escrow: Escrow) -> None:
    status, out, err = escrow("keys", "trust", "--key-id", "bank-1", "--public-key", ED25519)
    assert (status, err) == (0, "")
    assert "bank: what bank-1 (v1a) signs is believed from" in out
    assert "in force 有效" in escrow("keys", "list")[1]
    assert escrow("keys", "end", "bank-1", "--at", "2999-01-01")[0] == 0
    assert "2999-01-01 00:00:00  in force" in escrow("keys", "list")[1]
    assert escrow("keys", "end", "bank-1")[0] == 0
    listed = escrow("keys", "list")[1]
    assert "ended 已停用" in listed
    assert ED25519 not in listed
    again = escrow("keys", "end", "bank-1")
    assert again[0] == 1
    assert "ends at" in again[2]
    assert "不能延后" in again[2]


def test_a_wallets_keys_come_in_files_and_have_their_own_time(escrow: Escrow, tmp_path: Path, sqlite_url: str) -> None:
    pem, secret = tmp_path / "platform.pem", tmp_path / "api-v3"
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    pem.write_bytes(RSA.public_key().public_bytes(serialization.Encoding.PEM, info))
    secret.write_text("0123456789abcdefABCDEFghijklmnop\n")
    platform = ("--channel", "wechat", "--key-id", "PUB_KEY_ID_1", "--file", str(pem))
    assert escrow("keys", "trust", *platform, "--not-after", "2999-01-01T00:00:00+08:00")[0] == 0
    opens = ("--channel", "wechat", "--key-id", "api-v3", "--file", str(secret), "--algorithm", "aes-256-gcm")
    assert escrow("keys", "trust", *opens)[0] == 0
    engine = _engine(sqlite_url)
    with snapshot(engine) as db:
        ring = keys.bank_keys(db, "wechat")
    engine.dispose()
    assert [(key.key_id, key.algorithm) for key in ring.keys] == [("PUB_KEY_ID_1", "rsa-sha256")]
    assert [each.material for each in ring.secrets] == [secret.read_bytes().strip()]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--key-id", "x"), "either by --public-key or by --file"),
        (("--key-id", "x", "--public-key", ED25519, "--file", "y"), "either by --public-key or by --file"),
        (("--public-key", ED25519), "give the key its name"),
        (("--key-id", "x", "--public-key", ED25519, "--algorithm", "v1"), "seen by others"),
        (("--key-id", "x", "--public-key", "AAAA"), "32 to 32 bytes; 3 came"),
        (("--key-id", "x", "--public-key", "!"), "neither PEM nor base64"),
        (("--key-id", "x", "--public-key", ED25519, "--not-before", "soon"), "a moment is written"),
        (("--key-id", "x", "--public-key", ED25519, "--channel", "alipay"), "signed or encrypted with rsa-sha256"),
        (("--key-id", "x", "--file", "nowhere.pem"), "nowhere.pem: No such file"),
    ],
)
def test_what_is_no_key_is_refused_with_a_sentence(escrow: Escrow, arguments: tuple[str, ...], complaint: str) -> None:
    status, out, err = escrow("keys", "trust", *arguments)
    assert status > 0
    assert out == ""
    assert complaint in " ".join(err.replace("│", " ").split())
    assert escrow("keys", "list")[1] == ""


def test_a_merchant_is_bound_to_an_account_and_listed(escrow: Escrow, sqlite_url: str) -> None:
    engine = _engine(sqlite_url)
    with transaction(engine) as db:
        account = school(db).account
    engine.dispose()
    bound = ("merchants", "bind", "--channel", "wechat", "--number", "1230000109", "--account")
    assert escrow(*bound, account) == (0, f"wechat 1230000109 pays into {account}\n", "")
    assert escrow("merchants", "list")[1] == f"wechat  1230000109  {account}\n"
    again = escrow(*bound, account)
    assert again[0] == 1
    assert "已绑定监管账户" in again[2]


def test_a_poster_is_written_with_a_mark_and_refused_with_a_sentence(
    escrow: Escrow, sqlite_url: str, tmp_path: Path
) -> None:
    engine = _engine(sqlite_url)
    with transaction(engine) as db:
        institution = str(school(db).institution.id)
    engine.dispose()
    out, mark = tmp_path / "poster.pdf", tmp_path / "mark.png"
    mark.write_bytes(MARK.picture)
    assert escrow("poster", institution, "--out", str(out), "--mark", str(mark))[0] == 0
    assert out.read_bytes().startswith(b"%PDF-")
    mark.write_bytes(b"<svg/>")
    assert escrow("poster", institution, "--mark", str(mark))[0] == 2
    unknown = escrow("poster", "12345", "--out", str(out))
    assert unknown[0] == 1
    assert "没有找到" in unknown[2]
