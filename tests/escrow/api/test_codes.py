"""Codes, labels and posters over HTTP."""

import io
from datetime import timedelta

import pypdfium2  # type: ignore[import-untyped]
import pytest
import zxingcpp
from PIL import Image
from sqlalchemy import text

from escrow.db import transaction
from qrpay import emv
from tests.escrow.api.town import Town


def _read(picture: Image.Image) -> str:
    seen = zxingcpp.read_barcode(picture)
    assert seen is not None
    return seen.bytes.decode()


@pytest.mark.parametrize("kind", ["link", "emv"])
def test_an_order_s_label_holds_the_same_bytes_as_its_bare_code_and_says_what_it_is(
    town_anywhere: Town, kind: str
) -> None:
    service, reference = town_anywhere.service, town_anywhere.order()
    bare = service.get("family", f"/orders/{reference}/qr.png?kind={kind}")
    payload = _read(Image.open(io.BytesIO(bare.content)))
    captioned = service.get("family", f"/orders/{reference}/qr.png?kind={kind}&caption=yes")
    assert _read(Image.open(io.BytesIO(captioned.content))) == payload
    label = service.get("school", f"/orders/{reference}/qr.pdf?kind={kind}")
    assert (label.status_code, label.headers["content-type"]) == (200, "application/pdf")
    page = pypdfium2.PdfDocument(label.content)[0]
    assert _read(page.render(scale=300 / 72).to_pil()) == payload
    told = "".join(page.get_textpage().get_text_range().split())
    for shown in ("明日美术", "¥1,000.00", reference, "有效期至2026-09-0210:00", "附言"):
        assert shown in told
    if kind == "emv":
        assert emv.parse(payload).reference == reference
    scalable = service.get("family", f"/orders/{reference}/qr.svg?kind={kind}&caption=yes")
    assert scalable.content.startswith(b"<svg")


def test_an_order_that_takes_no_money_has_no_label(town_anywhere: Town) -> None:
    reference = town_anywhere.order()
    town_anywhere.service.clock.at += timedelta(hours=25)
    refused = town_anywhere.service.get("family", f"/orders/{reference}/qr.pdf")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not-payable")


def test_the_poster_is_for_the_institution_and_the_bureau_and_none_for_one_that_may_take_no_money(
    town_anywhere: Town,
) -> None:
    service, path = town_anywhere.service, f"/institutions/{town_anywhere.institution}/poster.pdf"
    for who in ("school", "zhang"):
        poster = service.get(who, path)
        assert (poster.status_code, poster.headers["content-type"]) == (200, "application/pdf")
    assert "/i/" in _read(pypdfium2.PdfDocument(poster.content)[0].render(scale=2).to_pil())
    assert service.get("family", path).status_code == 403
    with transaction(service.engine) as db:
        db.execute(text("UPDATE institution SET licence_expires = '2026-08-31'"))
    refused = service.get("school", path)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/licence-expired")
    assert "先登记换发的许可证" in refused.json()["detail_zh"]
