"""A service with a small town behind it: one institution, one course, a family with a contract, the bank, the bureau.

Everything is entered through the routes. The clock stands where a test sets it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from escrow.access import keys
from escrow.app import create_app
from escrow.db import open_engine, transaction, upgrade
from escrow.rules.rulebook import Rulebook
from escrow.settings import Settings
from qrpay.webhooks import SigningKey
from tests.escrow.api.town import Bank, Clock, Service, Town, institution, yuan


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 9, 1, 2, 0, tzinfo=UTC))


@pytest.fixture(scope="session")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The application, built once: its routes take a second to make. Each test puts a desk of its own behind it."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('door') / 'escrow.db'}")
    upgrade(engine)
    app = create_app(
        engine, rulebook=Rulebook.load(), settings=Settings(), clock=lambda: datetime(2026, 9, 1, tzinfo=UTC)
    )
    app.state.desk_as_built = app.state.desk
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
    engine.dispose()


@pytest.fixture
def service(door: TestClient, engine: Engine, clock: Clock) -> Service:
    return _behind(door, engine, clock)


@pytest.fixture
def anywhere(door: TestClient, sqlite_url: str, clock: Clock) -> Iterator[Service]:
    """The service where the kind of database has no part in what is tested."""
    engine = open_engine(sqlite_url)
    yield _behind(door, engine, clock)
    engine.dispose()


def _number_apart(engine: Engine) -> None:
    """Let no two of the nouns have the same id, so that one told in place of another shows."""
    with transaction(engine) as db:
        for start, table in enumerate(("institution", "course", "student", "guardian", "contract", "lesson"), start=1):
            if db.dialect.name == "sqlite":
                db.execute(text(f"UPDATE sqlite_sequence SET seq = seq + {start}00 WHERE name = '{table}'"))  # noqa: S608  own words
            else:
                sequence = f"pg_get_serial_sequence('{table}', 'id')"
                db.execute(text(f"SELECT setval({sequence}, nextval({sequence}) + {start}00)"))


def _behind(door: TestClient, engine: Engine, clock: Clock) -> Service:
    state = door.app.state  # type: ignore[attr-defined]  # the test client calls it an ASGI application only
    state.desk = replace(state.desk_as_built, engine=engine, clock=clock)  # whatever the test before has made of it
    service = Service(client=door, engine=engine, clock=clock)
    for name, role in (("zhang", "bureau"), ("li", "bureau"), ("auditor", "auditor"), ("teller", "bank")):
        service.hire(name, role)  # type: ignore[arg-type]  # the names of roles, as they are
    return service


def _bank(service: Service) -> Bank:
    """The bank whose key the service trusts."""
    key = SigningKey(key_id="bank-1", algorithm="v1a", material=hashlib.sha256(b"the bank").digest())
    with transaction(service.engine) as db:
        keys.trust_bank(db, key.verifier(not_before=datetime(2026, 1, 1, tzinfo=UTC)))
    return Bank(service=service, key=key)


@pytest.fixture
def town(service: Service) -> Town:
    return _settled(service)


@pytest.fixture
def town_anywhere(anywhere: Service) -> Town:
    """The town where the kind of database has no part in what is tested."""
    return _settled(anywhere)


def _settled(service: Service) -> Town:
    _number_apart(service.engine)
    bank = _bank(service)
    school = service.done("zhang", "/institutions", institution(1))["id"]
    service.hire("school", "institution", school)
    course = {"name": "素描", "subject": "drawing", "list_price": yuan("400.00")}
    course_id = service.done("school", f"/institutions/{school}/courses", course)["id"]
    child = {"name": "小明", "guardian_name": "王芳", "mobile": "13800000000"}
    student = service.done("school", "/students", child)
    service.hire("family", "family", student["guardian_id"])
    terms = {
        "course_id": course_id,
        "student_id": student["id"],
        "lessons": 3,
        "gifted": 1,
        "price": yuan("1000.00"),
        "first_lesson": "2026-09-05",
        "last_lesson": "2026-11-20",
    }
    contract = service.done("school", "/contracts", terms)["contract"]["id"]
    return Town(
        service=service,
        bank=bank,
        institution=school,
        course=course_id,
        student=student["id"],
        guardian=student["guardian_id"],
        contract=contract,
    )
