"""Who asks: roles, keys of callers, keys of banks, and the trail of what was decided."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import IntegrityError

from escrow.access import keys, trail
from escrow.access.caller import Caller
from escrow.access.tables import api_key, audit_entry
from escrow.bank.sandbox import SandboxBank
from escrow.db import snapshot, transaction
from escrow.refusals import Forbidden, Unknown
from tests.escrow.county import BUREAU, at, enrolled, school


def test_a_party_acts_for_itself_the_bureau_for_everybody_and_others_see_nothing() -> None:
    own, stranger = (Caller(name="王芳", role="family", party=party) for party in (7, 8))

    own.must_act_for("family", 7, "contract", 5)
    BUREAU.must_act_for("family", 7, "contract", 5)
    with pytest.raises(Unknown) as unseen:
        stranger.must_act_for("family", 7, "contract", 5)
    assert unseen.value.facts == {"what": "contract", "key": 5}, "the owner's number is nobody's business"
    with pytest.raises(Forbidden) as refused:
        Caller(name="审计", role="auditor").must_act_for("family", 7, "contract", 5)
    assert refused.value.english == "auditor may not do this; it is for family / bureau."
    assert refused.value.chinese == "审计无权办理此事项；应由家长 / 教育局办理。"


def test_a_key_is_shown_once_and_only_its_hash_is_kept(db: Connection) -> None:
    key = keys.issue(db, name="校长", role="institution", party=5, now=at(7, 1))

    assert keys.caller_of(db, key) == Caller(name="校长", role="institution", party=5)
    assert all(key not in str(each) for each in db.execute(select(api_key)).one())
    assert keys.caller_of(db, key[:-1]) is None


def test_a_revoked_key_opens_nothing_and_is_revoked_once(db: Connection) -> None:
    lost = keys.issue(db, name="张科长", role="bureau", party=None, now=at(7, 1))
    kept = keys.issue(db, name="李主任", role="bureau", party=None, now=at(7, 1))

    assert (keys.revoke(db, "张科长", now=at(7, 2)), keys.revoke(db, "张科长", now=at(7, 3))) == (1, 0)
    assert keys.caller_of(db, lost) is None
    assert keys.caller_of(db, kept) is not None


def test_the_ring_holds_each_bank_key_for_its_own_time(db: Connection) -> None:
    first, second = (SandboxBank.new_key(name) for name in ("bank-1", "bank-2"))
    keys.trust_bank(db, first.verifier(not_before=at(7, 1), not_after=at(8, 1)))
    keys.trust_bank(db, second.verifier(not_before=at(7, 25)))

    in_force = [each.key_id for each in keys.bank_keys(db).keys if each.in_force(at(7, 26))]
    later = [each.key_id for each in keys.bank_keys(db).keys if each.in_force(at(8, 2))]
    assert (in_force, later) == (["bank-1", "bank-2"], ["bank-2"])


def test_an_own_secret_is_made_once_whoever_asks_first(engine: Engine) -> None:
    with transaction(engine) as db:
        first = keys.own_secret(db, "links")
    with transaction(engine) as db:
        assert keys.own_secret(db, "links") == first
        assert len(first) == 32
        assert keys.own_secret(db, "other") != first


def test_the_books_have_one_key_to_be_sealed_with_and_looking_for_it_makes_none(engine: Engine) -> None:
    with snapshot(engine) as db:
        assert keys.seal_keys(db) == set()
    with transaction(engine) as db:
        made = keys.sealer(db)
        assert keys.sealer(db) == made
    with snapshot(engine) as db:
        assert keys.seal_keys(db) == {made.public_key}


def test_a_decision_leaves_one_entry_with_its_caller_and_key(db: Connection) -> None:
    by = Caller(name="张科长", role="bureau", key="K-1")
    trail.record(db, by, "release.approved", "release:1", now=at(9, 11), amount=66666)
    entry = db.execute(select(audit_entry)).one()

    assert (entry.actor, entry.role, entry.what, entry.subject) == ("张科长", "bureau", "release.approved", "release:1")
    assert (entry.facts, entry.caller_key, entry.at) == ({"amount": 66666}, "K-1", at(9, 11))


def test_everything_that_was_done_stands_in_the_trail(db: Connection) -> None:
    of = school(db)
    enrolled(db, of)
    told = [row.what for row in db.execute(select(audit_entry).order_by(audit_entry.c.id))]
    assert told == [
        "institution.registered",
        "course.filed",
        "student.entered",
        "contract.signed",
        "order.placed",
    ]


def test_a_key_of_a_family_without_a_family_is_refused_by_the_database(engine: Engine) -> None:
    with pytest.raises(IntegrityError, match="ck_api_key_party"), transaction(engine) as db:
        keys.issue(db, name="x", role="family", party=None, now=at(7, 1) + timedelta(days=1))
