"""Against swapped codes: every kind of text that a family may paste has its verdict, and none shows a family's data."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from fastapi import FastAPI
from httpx2 import Response
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import Engine, update
from starlette.testclient import TestClient

from escrow.access.keys import own_secret
from escrow.db import open_engine, transaction
from escrow.enrolment import codes, orders
from escrow.enrolment.orders import Order
from escrow.enrolment.tables import contract, payment_order
from escrow.registry import institutions
from escrow.registry.institutions import Institution
from escrow.registry.tables import institution
from escrow.web import checking
from escrow.web.rates import SOURCES, Rate
from qrpay.link import Links
from qrpay.tlv import crc
from tests.escrow import county
from tests.escrow.county import ORDERED
from tests.escrow.running import serving

KEY = bytes(range(32))
LINKS = Links("https://pay.example", KEY)
TODAY = date(2026, 7, 21)
CHILD, GUARDIAN, MOBILE = "小明1", "王芳1", "13800000001"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The pages on a database with one school, one family and one order that can be paid."""

    engine: Engine
    order: Order
    school: Institution
    client: TestClient
    links: Links = LINKS

    def check(self, text: str) -> Response:
        return self.client.post("/check", data={"code": text})

    def link(self) -> str:
        return self.links.make(self.order.reference, expires=self.order.expires_at)

    def emv(self, **changed: object) -> str:
        order, school = replace(self.order, **changed), self.school  # type: ignore[arg-type]  # the noun's own fields
        ways = codes.encoders(self.links)
        return codes.payload(order, school, kind="emv", codes=ways, city="MODEL COUNTY", now=ORDERED)

    def wall(self, kind: str = "link") -> str:
        payee = codes.payee(self.school, city="MODEL COUNTY")
        return codes.encoders(self.links).named(kind).standing(payee, issued=TODAY)


def _furnished(engine: Engine, *, now: datetime = ORDERED) -> tuple[Order, Institution]:
    with transaction(engine) as db:
        school, family = county.school(db), county.family(db)
        signed = county.sign(db, school, county.draft(school, family, price="1280.00"), now=now - timedelta(days=1))
        order = orders.place(db, signed.contract.id, rulebook=county.RULEBOOK, by=family.caller, now=now)
        return order, institutions.get(db, school.institution.id)


def _client(engine: Engine, *, now: datetime = ORDERED) -> TestClient:
    app = FastAPI(docs_url=None)
    app.include_router(checking.router(engine, links=LINKS, clock=lambda: now))
    return TestClient(app)


@pytest.fixture
def desk(sqlite_url: str) -> Iterator[Desk]:
    engine = open_engine(sqlite_url)
    order, school = _furnished(engine)
    yield Desk(engine=engine, order=order, school=school, client=_client(engine))
    engine.dispose()


def _told(page: Response) -> str:
    """The words of the verdict alone."""
    [verdict] = re.findall(r'<section class="card verdict".*?</section>', page.text, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", verdict).split())


def _set(engine: Engine, table: object, **values: object) -> None:
    with transaction(engine) as db:
        db.execute(update(table).values(**values))  # type: ignore[arg-type]  # a table


@pytest.mark.parametrize(
    "text",
    [
        "{reference}",
        "【明日美术】请用订单号 {reference} 缴费，谢谢",
        "{lower}",
        "{spaced}",
        "{link}",
        "请点击 {link} 付款",
        "{emv}",
        "{link}\n{link}",
    ],
)
def test_our_own_order_may_be_paid_in_whatever_way_it_was_copied(desk: Desk, text: str) -> None:
    reference = desk.order.reference
    spaced = f"{reference[:2]} {reference[2:6]}-{reference[6:]}"
    page = desk.check(
        text.format(reference=reference, lower=reference.lower(), spaced=spaced, link=desk.link(), emv=desk.emv())
    )
    told = _told(page)
    assert page.status_code == 200
    for shown in ("可以付款", "¥1,280.00", "明日美术1", "6200000001", reference, "教民000001", "2026年7月22日 12:00"):
        assert shown in told
    assert page.headers["cache-control"] == "no-store"


def test_no_verdict_shows_anything_about_the_family_or_the_course(desk: Desk) -> None:
    for text in (desk.order.reference, desk.link(), desk.emv(), desk.wall(), desk.emv(amount=1)):
        page = desk.check(text).text
        assert not any(private in page for private in (CHILD, GUARDIAN, MOBILE, "素描"))


def test_an_order_that_takes_no_money_says_why(desk: Desk) -> None:
    for state, words in (("paid", "已经付过，不要再付"), ("cancelled", "订单已取消，不要付款")):
        _set(desk.engine, payment_order, state=state)
        for text in (desk.order.reference, desk.link()):
            assert words in _told(desk.check(text))
    _set(desk.engine, payment_order, state="open")
    later = replace(desk, client=_client(desk.engine, now=desk.order.expires_at + timedelta(seconds=1)))
    for text in (desk.order.reference, desk.link(), desk.emv()):
        assert "订单已过期，不要付款" in _told(later.check(text))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"state": "closing"}, "正在终止办学"),
        ({"state": "closed"}, "已终止办学"),
        ({"licence_expires": date(2026, 7, 20)}, "已于 2026-07-20 到期"),
    ],
)
def test_an_institution_that_may_take_no_money_stops_its_orders_and_its_wall(
    desk: Desk, values: dict[str, object], words: str
) -> None:
    _set(desk.engine, institution, **values)
    for text in (desk.order.reference, desk.link(), desk.emv(), desk.wall(), desk.wall("emv")):
        told = _told(desk.check(text))
        assert "不要付款" in told
        assert words in told
    page = desk.client.get(desk.wall().removeprefix(LINKS.base_url))
    assert "不要向这家机构付款" in page.text
    assert "¥360.00" not in page.text


def test_an_order_of_an_ended_contract_takes_no_money(desk: Desk) -> None:
    _set(desk.engine, contract, state="ended")
    assert "此订单所属的合同或机构已不能收款" in _told(desk.check(desk.link()))


@pytest.mark.parametrize("kind", ["link", "emv"])
def test_a_wall_code_says_whose_it_is_and_that_it_takes_no_money(desk: Desk, kind: str) -> None:
    told = _told(desk.check(desk.wall(kind)))
    for shown in ("这是机构的公示码，不收款", "明日美术1", "6200000001"):
        assert shown in told
    serial = LINKS.read_standing(desk.wall().rpartition("/")[2]).serial
    assert (f"{serial[:4]}-{serial[4:]}" in told) == (kind == "link")


@pytest.mark.parametrize("changed", [{"amount": 1}, {"amount": 999_999}])
def test_a_code_of_our_form_with_another_amount_is_contradicted_by_the_books(
    desk: Desk, changed: dict[str, object]
) -> None:
    told = _told(desk.check(desk.emv(**changed)))
    assert "不要付款，码被改过" in told
    assert "¥1,280.00" in told, "what the order really asks"
    assert "码中的账户" not in told, "the account is the right one"


def test_a_code_of_our_form_for_another_account_is_contradicted_by_the_books(desk: Desk) -> None:
    signed = desk.emv().replace("6200000001", "6299999999")[:-4]
    told = _told(desk.check(signed + crc(signed)))
    assert "不要付款，码被改过" in told
    assert "码中的账户 6299999999" in told


def test_a_damaged_or_forged_code_of_ours_is_told_from_a_strangers(desk: Desk) -> None:
    forged = Links(LINKS.base_url, bytes(reversed(KEY))).make(desk.order.reference, expires=desk.order.expires_at)
    for text in (forged, desk.link()[:-1], desk.emv()[:-1] + "0", desk.wall() + "x", f"{LINKS.base_url}/pay/"):
        assert "码是假的或已损坏" in _told(desk.check(text)), text


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("https://pay.example.evil.cn/pay/AQAA", "pay.example.evil.cn"),
        ("https://qr.alipay.com/fkx12345", "qr.alipay.com"),
        ("wxp://f2f0AbCdEf", "f2f0AbCdEf"),
        ("qr.alipay.com/fkx12345", "qr.alipay.com/fkx12345"),
        ("请付到我的微信", "请付到我的微信"),
        ("<script>alert(1)</script>", "&lt;script&gt;"),
    ],
)
def test_a_strangers_code_is_not_to_be_paid_and_what_it_claims_is_shown_as_text(
    desk: Desk, text: str, claims: str
) -> None:
    page = desk.check(text)
    assert "不是本系统的码，不要付款" in _told(page)
    assert claims in page.text
    assert "<script>" not in page.text


def test_a_strangers_emv_code_names_whom_it_pays(desk: Desk) -> None:
    body = "000201010211" + "26080004hoge" + "52045812" + "5303156" + "5802CN" + "5907NOODLES" + "6007BEIJING"
    body += "64" + "14" + "0002ZH" + "0104" + "老王面馆"
    signed = body + "6304"
    told = _told(desk.check(signed + crc(signed)))
    assert "不是本系统的码，不要付款" in told
    assert "老王面馆 · NOODLES" in told


def test_one_strangers_link_spoils_a_text_whatever_of_ours_stands_beside_it(desk: Desk) -> None:
    for beside in ("https://evil.cn/pay", "evil.cn/pay"):
        for text in (f"{desk.link()} 打不开请用 {beside}", f"订单 {desk.order.reference}，请到 {beside} 付款"):
            assert not _told(desk.check(text)).startswith("✓")
            assert "不是本系统的码" in _told(desk.check(text)), text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("XF0004K7Q84", "没有这个订单或机构"),
        ("XF0004K7Q85", "订单号抄错了"),
        ("xf 0004 k7q8", "订单号抄错了"),
        ("XF0004K7Q84 XF000000098", "里面不止一个码"),
        ("", "没有可查的内容"),
        ("   \n", "没有可查的内容"),
        ("学" * 2001, "没有可查的内容"),
    ],
)
def test_what_names_no_order_says_what_is_wrong_with_it(desk: Desk, text: str, words: str) -> None:
    assert words in _told(desk.check(text))


def test_a_wall_code_opens_the_institutions_own_page_with_licence_prices_and_the_papers_serial(desk: Desk) -> None:
    page = desk.client.get(desk.wall().removeprefix(LINKS.base_url))
    serial = LINKS.read_standing(desk.wall().rpartition("/")[2]).serial
    for shown in ("明日美术1", "教民000001", "至 2027-06-30", "素描", "¥360.00", "一单一码", "2026-07-21"):
        assert shown in page.text
    assert f"{serial[:4]}-{serial[4:]}" in page.text
    assert desk.client.get(desk.wall().removeprefix(LINKS.base_url)[:-1] + "A").status_code == 404
    nobody = LINKS.standing(12345, issued=TODAY).removeprefix(LINKS.base_url)
    assert desk.client.get(nobody).status_code == 404
    assert "没有这个订单或机构" in _told(desk.check(LINKS.standing(12345, issued=TODAY)))


def test_who_asks_too_often_is_told_to_wait_and_nothing_is_looked_up(desk: Desk) -> None:
    answers = [desk.check("XF0004K7Q84").status_code for _ in range(checking.TIMES + 1)]
    assert answers == [200] * checking.TIMES + [429]
    last = desk.check("XF0004K7Q84")
    assert last.headers["retry-after"] == "60"
    assert "未查明之前不要付款" in last.text


def test_each_asker_has_a_rate_of_its_own_and_few_are_remembered() -> None:
    rate, now = Rate(2, timedelta(minutes=1)), ORDERED
    nothing = timedelta(0)
    assert [rate.wait("a", now=now) for _ in range(3)] == [nothing, nothing, timedelta(minutes=1)]
    assert rate.wait("b", now=now) == nothing
    assert rate.wait("a", now=now + timedelta(seconds=59)) == timedelta(seconds=1)
    assert rate.wait("a", now=now + timedelta(minutes=1)) == nothing
    for number in range(2 * SOURCES):
        rate.wait(str(number), now=now)
    assert len(rate._seen) == SOURCES  # noqa: SLF001  what a flood of askers must not grow


def _states(desk: Desk) -> dict[str, str]:
    """One of each kind of banner."""
    return {
        "yes": desk.link(),
        "info": desk.wall(),
        "no": desk.emv(amount=1),
        "stop": "XF0004K7Q85",
        "foreign": "https://qr.alipay.com/fkx12345",
    }


@pytest.fixture
def phone() -> Iterator[Callable[..., Page]]:
    """A page of a browser as wide as a phone, without scripts unless a judge needs them."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    flags = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    with sync_playwright() as playwright:
        more = ["--disable-component-update", "--disable-sync"]
        browser = playwright.chromium.launch(executable_path=chromium, args=[*flags.split(), *more])

        def page(*, scripts: bool) -> Page:
            size = {"width": 390, "height": 844}
            return browser.new_page(java_script_enabled=scripts, viewport=size)  # type: ignore[arg-type]  # a size

        yield page
        browser.close()


def test_on_a_phone_the_pages_work_without_scripts_fit_and_are_accessible(
    sqlite_url: str, tmp_path: Path, phone: Callable[..., Page]
) -> None:
    engine = open_engine(sqlite_url)
    order, school = _furnished(engine, now=datetime.now(tz=ORDERED.tzinfo))
    with transaction(engine) as db:
        links = Links("http://127.0.0.1:8000", own_secret(db, "payment-link"))
    desk = Desk(engine=engine, order=order, school=school, client=_client(engine), links=links)
    with serving(sqlite_url, folder=tmp_path) as (address, _process):
        links = replace(links, base_url=address)
        desk = replace(desk, links=links)
        plain, judged = phone(scripts=False), phone(scripts=True)
        _ask(plain, address, desk.link())
        assert "可以付款" in plain.inner_text("main")
        for name, text in _states(desk).items():
            _ask(judged, address, text)
            _fits_and_is_accessible(judged, name)
        for path in ("/check", desk.wall().removeprefix(address)):
            judged.goto(address + path)
            _fits_and_is_accessible(judged, path)
    engine.dispose()


def _ask(page: Page, address: str, text: str) -> None:
    page.goto(f"{address}/check")
    page.get_by_label("付款码内容、链接或订单号").fill(text)
    with page.expect_navigation():
        page.get_by_role("button", name="查验").click()


def _fits_and_is_accessible(page: Page, name: str) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
    found = Axe().run(page)
    assert found.violations_count == 0, f"{name}: {found.generate_report()}"
