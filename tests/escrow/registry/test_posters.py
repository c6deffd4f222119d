"""The poster: what stands on it, what its code opens, and for whom there is none."""

import re
from datetime import date

import pypdfium2  # type: ignore[import-untyped]
import pytest
import zxingcpp
from PIL import ImageFilter
from sqlalchemy import Connection, update

from escrow.access.caller import Caller
from escrow.refusals import Forbidden, Unknown
from escrow.registry import posters
from escrow.registry.institutions import InstitutionClosed
from escrow.registry.posters import LicenceExpired, Publisher, masked
from escrow.registry.tables import institution
from qrpay.link import Links
from qrpay.symbol import Mark
from tests.escrow.county import BUREAU, School, at, school
from tests.qrpay.test_label import MARK

LINKS = Links("https://tuition.example.gov.cn", bytes(range(32)))
PUBLISHER = Publisher(issuer="示范县教育局", bank="中国工商银行示范县支行", complaints="教育局 12345", links=LINKS)
NOW = at(7, 21)


def _poster(db: Connection, of: School, *, by: Caller = BUREAU, mark: Mark | None = None) -> pypdfium2.PdfDocument:
    drawn = posters.poster(db, of.institution.id, publisher=PUBLISHER, mark=mark, by=by, now=NOW)
    return pypdfium2.PdfDocument(drawn)


def _text(document: pypdfium2.PdfDocument) -> str:
    return re.sub(r"\s", "", document[0].get_textpage().get_text_range())


def _set(db: Connection, **values: object) -> None:
    db.execute(update(institution).values(**values))


def test_a_family_reads_on_it_who_this_is_where_fees_go_and_what_to_check(db: Connection) -> None:
    document = _poster(db, school(db))
    text = _text(document)
    for shown in (
        *("明日美术1", "教民000001", "至2027年6月30日", "正常办学", "中国工商银行示范县支行", "62********01"),
        *("本码不收款", "金额", "收款方", "不是个人码", "tuition.example.gov.cn/check", "教育局12345", "2026年7月21日"),
    ):
        assert shown in text, shown
    assert "6200000001" not in text
    assert len(document) == 1
    assert [round(points / 72 * 25.4) for points in document[0].get_size()] == [210, 297]


@pytest.mark.parametrize("mark", [None, MARK], ids=["plain", "with mark"])
def test_its_code_is_read_from_the_printed_page_blurred_and_turned_and_opens_the_institutions_page(
    db: Connection, mark: Mark | None
) -> None:
    of = school(db)
    document = _poster(db, of, mark=mark)
    page = document[0].render(scale=150 / 72).to_pil().convert("L")
    for scan in (page, page.rotate(4, fillcolor=255, expand=True).filter(ImageFilter.GaussianBlur(1.5))):
        seen = zxingcpp.read_barcode(scan)
        assert seen is not None
        assert seen.text.startswith("https://tuition.example.gov.cn/i/")
        token = LINKS.read_standing(seen.text.rpartition("/")[2])
        assert (token.number, token.issued) == (of.institution.id, date(2026, 7, 21))
        assert f"{token.serial[:4]}-{token.serial[4:]}" in _text(document)


def test_the_poster_of_one_day_is_the_same_bytes_whenever_it_is_asked_for(db: Connection) -> None:
    of = school(db)
    first, second, next_day = (
        posters.poster(db, of.institution.id, publisher=PUBLISHER, by=BUREAU, now=moment)
        for moment in (at(7, 21, 8), at(7, 21, 20), at(7, 22))
    )
    assert first == second
    assert first != next_day


def test_the_longest_names_still_fit_on_one_page(db: Connection) -> None:
    of = school(db)
    _set(
        db,
        name="示范县" + "明日之星青少年素质教育" * 8 + "培训学校",
        licence_no="教民" + "1" * 48,
        supervised_account="6" * 34,
    )
    document = _poster(db, of)
    assert len(document) == 1
    assert "培训学校" in _text(document)
    assert zxingcpp.read_barcode(document[0].render(scale=150 / 72).to_pil()) is not None


@pytest.mark.parametrize("state", ["closing", "closed"])
def test_an_institution_that_ends_gets_none(db: Connection, state: str) -> None:
    of = school(db)
    _set(db, state=state)
    with pytest.raises(InstitutionClosed):
        _poster(db, of)


def test_an_institution_whose_licence_has_expired_gets_none_from_the_day_after(db: Connection) -> None:
    of = school(db)
    _set(db, licence_expires=date(2026, 7, 21))
    assert _poster(db, of)
    _set(db, licence_expires=date(2026, 7, 20))
    with pytest.raises(LicenceExpired, match="教民000001 of 明日美术1 expired on 2026-07-20") as refused:
        _poster(db, of)
    assert "已于 2026-07-20 到期，不能出具公示海报" in refused.value.chinese


def test_it_is_given_to_the_institution_and_the_bureau_alone(db: Connection) -> None:
    one, other = school(db), school(db, 2)
    assert _poster(db, one, by=one.caller)
    with pytest.raises(Unknown):
        _poster(db, one, by=other.caller)
    with pytest.raises(Forbidden):
        _poster(db, one, by=Caller(name="王芳", role="family", party=1))
    with pytest.raises(Unknown):
        posters.poster(db, 12345, publisher=PUBLISHER, by=BUREAU, now=NOW)


@pytest.mark.parametrize(
    ("account", "shown"),
    [
        ("1202020219900088888", "1202 **** **** 8888"),
        ("62000001", "62 **** **** 01"),
        ("6200", "6 **** **** 0"),
    ],
)
def test_an_account_keeps_its_middle_to_itself(account: str, shown: str) -> None:
    assert masked(account) == shown
