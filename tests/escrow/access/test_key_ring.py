"""The key ring of the bank and the wallets: trusted, listed, ended, each decision in the trail."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from escrow.access import key_ring, keys
from escrow.access.key_ring import KeyAlreadyTrusted, KeyEndedAlready, KeyEndsInThePast, NotThisChannelsKey
from escrow.access.tables import audit_entry, bank_key
from escrow.refusals import Forbidden, Unknown
from qrpay.keys import Secret, SigningKey
from tests.escrow.county import BANK, BUREAU, at
from tests.qrpay.signers import signing_key

NOW = at(7, 1)
ED25519 = SigningKey(key_id="bank-1", algorithm="v1a", material=bytes(range(32)))
API_V3 = Secret(key_id="api-v3", material=b"0123456789abcdefABCDEFghijklmnop", not_before=NOW)


def _trust(db: Connection, key: SigningKey = ED25519, channel: keys.Channel = "bank") -> None:
    key_ring.trust(db, key.verifier(not_before=NOW), channel=channel, by=BUREAU, now=NOW)


def _trail(db: Connection) -> list[tuple[str, str]]:
    query = select(audit_entry.c.what, audit_entry.c.subject).order_by(audit_entry.c.id)
    return [(what, subject) for what, subject in db.execute(query)]


def test_a_key_of_one_channel_opens_nothing_of_another(db: Connection) -> None:
    _trust(db)
    _trust(db, signing_key("wechat-1"), "wechat")
    key_ring.trust(db, API_V3, channel="wechat", by=BUREAU, now=NOW)
    _trust(db, signing_key("alipay-1"), "alipay")

    rings = {channel: keys.bank_keys(db, channel) for channel in ("bank", "wechat", "alipay")}
    assert {channel: [key.key_id for key in ring.keys] for channel, ring in rings.items()} == {
        "bank": ["bank-1"],
        "wechat": ["wechat-1"],
        "alipay": ["alipay-1"],
    }
    assert [[secret.material for secret in ring.secrets] for ring in rings.values()] == [[], [API_V3.material], []]
    assert [what for what, _ in _trail(db)] == ["bank-key.trusted"] * 4


def test_while_keys_change_the_old_and_the_new_one_overlap_until_the_old_is_ended(db: Connection) -> None:
    _trust(db)
    _trust(db, SigningKey(key_id="bank-2", algorithm="sm2-sm3", material=_sm2()))
    key_ring.end(db, "bank-1", at=at(8, 1), by=BUREAU, now=at(7, 20))

    ring = keys.bank_keys(db).keys
    standing = [[key.key_id for key in ring if key.in_force(moment)] for moment in (at(7, 31), at(8, 1))]
    assert standing == [["bank-1", "bank-2"], ["bank-2"]]
    listed = key_ring.everyone(db)
    assert [(each.key_id, each.standing(at(6, 30)), each.standing(at(8, 2))) for each in listed] == [
        ("bank-1", "not yet", "ended"),
        ("bank-2", "not yet", "in force"),
    ]
    assert _trail(db)[-1] == ("bank-key.ended", "bank-key:bank-1")


def _sm2() -> bytes:
    gmssl = pytest.importorskip("gmssl_pyx", reason="the extra sm2 is not installed")
    public, private = gmssl.sm2_key_generate()
    return bytes(private + public)


def test_a_key_ends_now_or_later_and_an_end_is_never_put_off(db: Connection) -> None:
    _trust(db)
    with pytest.raises(KeyEndsInThePast):
        key_ring.end(db, "bank-1", at=at(7, 19), by=BUREAU, now=at(7, 20))
    key_ring.end(db, "bank-1", at=at(8, 1), by=BUREAU, now=at(7, 20))
    key_ring.end(db, "bank-1", at=at(7, 25), by=BUREAU, now=at(7, 20))
    for later in (at(7, 25), at(9, 1)):
        with pytest.raises(KeyEndedAlready, match="bank-1 ends at 2026-07-25"):
            key_ring.end(db, "bank-1", at=later, by=BUREAU, now=at(7, 20))
    with pytest.raises(Unknown):
        key_ring.end(db, "bank-9", at=at(8, 1), by=BUREAU, now=at(7, 20))


def test_a_key_that_was_never_in_force_is_taken_off_the_ring(db: Connection) -> None:
    later = ED25519.verifier(not_before=NOW + timedelta(days=30))
    key_ring.trust(db, later, channel="bank", by=BUREAU, now=NOW)
    key_ring.end(db, "bank-1", at=NOW, by=BUREAU, now=NOW)
    assert keys.bank_keys(db).keys == ()
    assert _trail(db)[-1] == ("bank-key.ended", "bank-key:bank-1")


def test_an_id_names_one_key_for_ever_and_a_channel_takes_only_its_own_kinds(db: Connection) -> None:
    _trust(db)
    with pytest.raises(KeyAlreadyTrusted):
        _trust(db)
    with pytest.raises(NotThisChannelsKey, match="wechat are signed or encrypted with rsa-sha256, aes-256-gcm"):
        _trust(db, SigningKey(key_id="x", algorithm="v1a", material=bytes(range(32))), "wechat")
    with pytest.raises(NotThisChannelsKey):
        key_ring.trust(db, API_V3, channel="bank", by=BUREAU, now=NOW)


def test_the_ring_is_the_bureaus_to_change(db: Connection) -> None:
    with pytest.raises(Forbidden):
        key_ring.trust(db, API_V3, channel="wechat", by=BANK, now=NOW)
    with pytest.raises(Forbidden):
        key_ring.end(db, "bank-1", at=NOW, by=BANK, now=NOW)


@pytest.mark.parametrize(
    "changed", [{"channel": "post"}, {"algorithm": "none"}, {"not_after": NOW}, {"not_after": NOW - timedelta(days=1)}]
)
def test_the_database_keeps_no_key_of_another_kind(db: Connection, changed: dict[str, object]) -> None:
    _trust(db)
    with pytest.raises(IntegrityError), db.begin_nested():
        db.execute(bank_key.update().values(changed))
