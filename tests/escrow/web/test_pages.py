"""The public pages: read through the application, and once by a real browser as a phone would show them."""

import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.testclient import TestClient

from escrow.access.keys import own_secret
from escrow.db import open_engine, transaction
from escrow.enrolment import contracts, orders
from escrow.enrolment.orders import Order
from escrow.web import pages
from qrpay.link import Links
from tests.escrow import county
from tests.escrow.county import ORDERED
from tests.escrow.running import serving

KEY = bytes(range(32))
LINKS = Links("https://pay.example", KEY)


def _order(engine: Engine, *, now: datetime = ORDERED) -> Order:
    with transaction(engine) as db:
        school, family = county.school(db), county.family(db)
        draft = county.draft(school, family, gifted=2, price="1280.00")
        signed = contracts.sign(db, draft, rulebook=county.RULEBOOK, by=school.caller, now=now - timedelta(days=1))
        return orders.place(db, signed.contract.id, rulebook=county.RULEBOOK, by=family.caller, now=now)


def _client(engine: Engine, *, now: datetime = ORDERED) -> TestClient:
    app = FastAPI(docs_url=None)
    app.include_router(pages.router(engine, links=LINKS, clock=lambda: now, description=lambda: _DESCRIPTION))
    return TestClient(app)


_DESCRIPTION = {
    "openapi": "3.1.0",
    "info": {"title": "T", "version": "1", "description": "**Amounts** are <strings>."},
    "tags": [{"name": "orders 订单", "description": "To pay."}],
    "paths": {
        "/orders": {
            "post": {"tags": ["orders 订单"], "summary": "Make one", "responses": {"201": {"description": "Made"}}}
        }
    },
}


def test_a_scanned_code_shows_the_amount_the_payee_its_supervised_account_and_the_reference(engine: Engine) -> None:
    order = _order(engine)
    page = _client(engine).get(LINKS.make(order.reference, expires=order.expires_at).removeprefix(LINKS.base_url))
    assert page.status_code == 200
    for shown in ("¥1,280.00", order.reference, "明日美术1", "6200000001", "待付款", "另赠 2 课时"):
        assert shown in page.text


def test_a_forged_code_is_told_not_to_be_paid(engine: Engine) -> None:
    order = _order(engine)
    forged = Links("https://pay.example", bytes(reversed(KEY))).make(order.reference, expires=order.expires_at)
    page = _client(engine).get(forged.removeprefix(LINKS.base_url))
    assert page.status_code == 404
    assert "请勿付款" in page.text
    assert order.reference not in page.text


def test_a_code_that_has_expired_asks_for_a_new_one(engine: Engine) -> None:
    order = _order(engine)
    link = LINKS.make(order.reference, expires=order.expires_at).removeprefix(LINKS.base_url)
    page = _client(engine, now=order.expires_at + timedelta(seconds=1)).get(link)
    assert page.status_code == 410
    assert "已过期" in page.text


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE institution SET state = 'closing'",
        "UPDATE institution SET licence_expires = '2026-07-20'",
        "UPDATE contract SET state = 'ended'",
    ],
)
def test_a_code_whose_institution_or_contract_takes_no_money_any_more_is_told_not_to_be_paid(
    engine: Engine, sql: str
) -> None:
    order = _order(engine)
    with transaction(engine) as db:
        db.exec_driver_sql(sql)
    link = LINKS.make(order.reference, expires=order.expires_at).removeprefix(LINKS.base_url)
    page = _client(engine).get(link)
    assert page.status_code == 410
    assert "请不要付款" in page.text
    assert "付款前请核对" not in page.text


def test_a_family_that_has_paid_and_looks_again_later_is_told_so_and_not_to_pay_twice(engine: Engine) -> None:
    order = _order(engine)
    with transaction(engine) as db:
        county.receive(db, county.credit(order.reference, order.amount, account="6200000001"))
    link = LINKS.make(order.reference, expires=order.expires_at).removeprefix(LINKS.base_url)
    page = _client(engine, now=order.expires_at + timedelta(days=30)).get(link)
    assert page.status_code == 200
    assert "请勿重复付款" in page.text


def test_the_register_shows_licence_and_published_prices_and_a_licence_that_has_run_out(engine: Engine) -> None:
    _order(engine)
    register = _client(engine).get("/").text
    for shown in ("明日美术1", "素描", "¥360.00", "许可证有效至 2027-06-30", "非学科类"):
        assert shown in register
    later = _client(engine, now=ORDERED.replace(year=2027, month=7, day=1)).get("/").text
    assert "许可证已过期" in later


def test_names_are_shown_as_text_whatever_they_contain(engine: Engine) -> None:
    _order(engine)
    with transaction(engine) as db:
        db.exec_driver_sql("UPDATE institution SET name = '<script>alert(1)</script>'")
    register = _client(engine).get("/").text
    assert "<script>" not in register
    assert "&lt;script&gt;" in register


def test_the_description_of_the_routes_is_a_page_that_runs_no_markup_of_its_own(engine: Engine) -> None:
    page = _client(engine).get("/docs").text
    assert "<strong>Amounts</strong> are &lt;strings&gt;." in page
    assert "<code>/orders</code> Make one" in page


def test_a_browser_on_a_phone_shows_the_order_that_was_scanned(sqlite_url: str, tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    engine = open_engine(sqlite_url)
    order = _order(engine, now=datetime.now(tz=ORDERED.tzinfo))
    with transaction(engine) as db:
        links = Links("http://127.0.0.1", own_secret(db, "payment-link"))
    engine.dispose()
    path = links.make(order.reference, expires=order.expires_at).removeprefix(links.base_url)
    with serving(sqlite_url, folder=tmp_path) as (address, _process):
        shown = _shown_by(chromium, address + path, tmp_path)
    assert order.reference in shown
    assert "¥1,280.00" in shown
    assert "付款前请核对" in shown


def _shown_by(chromium: str, url: str, folder: Path) -> str:
    """The page's document after the browser has laid it out."""
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync --dump-dom"
    quiet = "--disable-background-networking --disable-component-update --window-size=390,844"
    done = subprocess.run(
        [chromium, *flags.split(), *quiet.split(), f"--user-data-dir={folder / 'browser'}", url],
        capture_output=True,
        text=True,
        check=True,
        timeout=90,
    )
    return done.stdout
