"""Printed matter: Chinese letters on every machine, facts that stay text, the same bytes for the same facts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pypdfium2  # type: ignore[import-untyped]
import pytest
import typst

from escrow.printing import SANS, SERIF, printed

AT: Final = datetime(2026, 11, 15, 9, 0, tzinfo=UTC)
TEMPLATE: Final = f"""
#let facts = json("/facts.json")
#set document(date: auto, title: facts.title)
#set text(font: "{SANS}")
#facts.title #text(font: "{SERIF}")[#facts.title]
#if "mark.svg" in facts.pictures {{ image("/mark.svg", width: 2cm) }}
"""
MARK: Final = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><rect width="1" height="1"/></svg>'


@pytest.fixture
def template(tmp_path: Path) -> Path:
    file = tmp_path / "notice.typ"
    file.write_text(TEMPLATE, encoding="utf-8")
    return file


def text_of(pdf: bytes) -> str:
    return str(pypdfium2.PdfDocument(pdf)[0].get_textpage().get_text_range())


def test_a_fact_is_printed_as_it_is_and_never_runs(template: Path) -> None:
    title = "限期整改通知书 #panic() $x$ *粗* 〔2026〕一号"
    pdf = printed(template, {"title": title, "pictures": []}, at=AT)
    assert "".join(text_of(pdf).split()) == 2 * "".join(title.split())


def test_every_letter_is_drawn_with_the_fonts_of_the_wheel(template: Path) -> None:
    pdf = printed(template, {"title": "贰仟圆整", "pictures": []}, at=AT)
    page = pypdfium2.PdfDocument(pdf)[0]
    names = {each.get_font().get_base_name() for each in page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_TEXT])}
    assert {name.split("+")[-1] for name in names} == {"NotoSansSC-Regular", "NotoSerifSC-Regular"}


def test_the_same_facts_on_the_same_day_are_the_same_bytes(template: Path) -> None:
    facts = {"title": "通知", "pictures": ["mark.svg"]}
    first, second, later = (
        printed(template, facts, at=at, pictures={"mark.svg": MARK}) for at in (AT, AT, AT + timedelta(days=1))
    )
    assert first == second
    assert first != later


def test_a_fact_that_json_cannot_hold_is_refused(template: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        printed(template, {"title": "通知", "pictures": [], "share": float("nan")}, at=AT)


def test_a_template_that_asks_for_a_missing_fact_is_refused(template: Path) -> None:
    with pytest.raises(typst.TypstError, match="title"):
        printed(template, {"pictures": []}, at=AT)
