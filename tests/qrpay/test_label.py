"""Codes to print, with captions and marks, read back by a program that is not ours: from PNG, PDF and SVG."""

import io
import re
import shutil
import subprocess
from pathlib import Path

import pypdfium2  # type: ignore[import-untyped]
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from qrpay import symbol
from qrpay.label import Format, label
from qrpay.symbol import Mark, MarkRefused
from tests.qrpay.signers import named

LINK = "https://pay.example.cn/pay/AQAAAkz3AGsODgBdw-FwJCqQFkLbFGqcSPn7"
CHINESE = "6420" + "0002ZH0104最佳运输0202北京"
CAPTION = ["明日美术培训学校", "¥1,280.00 · XF0004K7Q84", "有效期至 2026年11月20日 12:00"]


def _mark(kind: str = "PNG") -> bytes:
    """A dark disc in a red square: nothing that a reader could take for modules it expects."""
    picture = Image.new("RGB", (240, 240), "#a3261c")
    ImageDraw.Draw(picture).ellipse((40, 40, 200, 200), fill="#14385c")
    out = io.BytesIO()
    picture.save(out, kind)
    return out.getvalue()


MARK = Mark(picture=_mark())
MARKED = pytest.mark.parametrize("mark", [None, MARK], ids=["plain", "with mark"])


def _seen(picture: Image.Image) -> zxingcpp.Barcode:
    barcode = zxingcpp.read_barcode(picture.convert("L"))
    assert barcode is not None, "the reader sees no code"
    return barcode


def _picture(file: bytes, kind: Format, *, dpi: int = 150) -> Image.Image:
    if kind == "pdf":
        page: Image.Image = pypdfium2.PdfDocument(file)[0].render(scale=dpi / 72).to_pil()
        return page
    return Image.open(io.BytesIO(file))


@MARKED
@pytest.mark.parametrize("payload", [LINK, CHINESE, "点", "学" * 150])
@pytest.mark.parametrize("kind", ["png", "pdf"])
def test_the_very_bytes_are_read_back_and_the_level_is_the_one_the_mark_needs(
    payload: str, kind: Format, mark: Mark | None
) -> None:
    barcode = _seen(_picture(label(payload, format=kind, caption=CAPTION, mark=mark), kind, dpi=300))
    assert barcode.bytes == payload.encode()
    assert barcode.ec_level == ("M" if mark is None else "Q")


@MARKED
def test_a_browser_shows_the_scalable_label_and_it_is_read_back(tmp_path: Path, mark: Mark | None) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    page, shot = tmp_path / "label.html", tmp_path / "shot.png"
    (tmp_path / "label.svg").write_bytes(label(CHINESE, format="svg", caption=CAPTION, mark=mark))
    page.write_text('<body style="margin:0;background:#000"><img src="label.svg" width="400">')
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    quiet = "--disable-background-networking --disable-component-update --hide-scrollbars --window-size=440,620"
    where = (f"--user-data-dir={tmp_path / 'browser'}", f"--screenshot={shot}", page.as_uri())
    subprocess.run([chromium, *flags.split(), *quiet.split(), *where], check=True, capture_output=True, timeout=90)
    assert _seen(Image.open(shot)).bytes == CHINESE.encode()


@settings(max_examples=12)
@given(st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=80))
def test_any_chinese_survives_printing_and_reading(payload: str) -> None:
    assert _seen(_picture(label(payload, format="png", scale=4, mark=MARK), "png")).bytes == payload.encode()


@pytest.mark.parametrize("scale", [3, 5, 8])
@pytest.mark.parametrize("percent", [10, 20])
@pytest.mark.parametrize("payload", [LINK, "000201" + "学" * 60, "1"])
def test_a_code_with_its_mark_is_read_blurred_and_turned_a_little(payload: str, percent: int, scale: int) -> None:
    mark = Mark(picture=MARK.picture, percent=percent)
    code = _picture(label(payload, format="png", mark=mark, scale=scale), "png").convert("L")
    for degrees in (0, 4, 90, -7):
        turned = code.rotate(degrees, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC)
        assert _seen(turned.filter(ImageFilter.GaussianBlur(scale * 0.22))).bytes == payload.encode()


def test_a_printed_label_is_read_at_150_dots_an_inch_blurred_and_turned() -> None:
    pdf = label(LINK, format="pdf", caption=CAPTION, mark=MARK)
    scan = _picture(pdf, "pdf").convert("L").rotate(3, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC)
    assert _seen(scan.filter(ImageFilter.GaussianBlur(0.8))).bytes == LINK.encode()


def test_the_caption_stands_in_the_file_as_text_and_the_code_as_lines() -> None:
    text = pypdfium2.PdfDocument(label(LINK, format="pdf", caption=CAPTION))[0].get_textpage().get_text_range()
    assert re.sub(r"\s", "", text) == re.sub(r"\s", "", "".join(CAPTION))


@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_equal_labels_are_equal_bytes(kind: Format) -> None:
    assert label(LINK, format=kind, caption=CAPTION, mark=MARK) == label(LINK, format=kind, caption=CAPTION, mark=MARK)


def test_without_caption_and_mark_the_picture_is_the_bare_symbol() -> None:
    bare = Image.open(io.BytesIO(symbol.png(LINK, scale=4))).convert("L")
    drawn = _picture(label(LINK, format="png", scale=4), "png").convert("L")
    assert drawn.size == bare.size
    assert drawn.point(lambda value: 255 * (value > 127)).tobytes() == bare.tobytes()


@pytest.mark.parametrize("payload", [LINK, "1", "学" * 150])
def test_a_mark_covers_at_most_its_share_and_whole_modules_in_the_middle(payload: str) -> None:
    side = symbol.symbol(payload, marked=True).symbol_size(border=0)[0]
    drawn = symbol.svg(payload, mark=MARK).decode()
    [(x, y, width, height)] = re.findall(r'<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)" fill="#fff"/>', drawn)
    assert x == y
    assert width == height
    assert 2 * int(x) + int(width) == side + 8
    assert int(width) <= side * symbol.MARK_PERCENT // 100


def test_a_jpeg_is_a_mark_too() -> None:
    mark = Mark(picture=_mark("JPEG"), percent=15)
    assert _seen(_picture(label(LINK, format="png", mark=mark), "png")).bytes == LINK.encode()


@pytest.mark.parametrize(
    ("picture", "percent", "complaint"),
    [
        (MARK.picture, 21, "1 to 20 percent of the code's side; 21 came"),
        (MARK.picture, 0, "1 to 20 percent"),
        (MARK.picture, True, "1 to 20 percent"),
        (b"<svg/>", 20, "a PNG or a JPEG"),
        (MARK.picture + bytes(300_000), 20, "at most 262144 bytes"),
    ],
    ids=named,
)
def test_a_mark_that_would_spoil_the_code_is_refused(picture: bytes, percent: int, complaint: str) -> None:
    with pytest.raises(MarkRefused, match=complaint):
        Mark(picture=picture, percent=percent)


def test_a_payload_that_fits_only_without_a_mark_is_refused_with_one() -> None:
    assert symbol.svg("x" * 1664)
    assert symbol.svg("x" * 1663, mark=MARK)
    with pytest.raises(ValueError, match="1 to 1663 bytes of UTF-8 beside a mark; 1664 came"):
        symbol.svg("x" * 1664, mark=MARK)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"caption": ["x"] * 7}, "at most 6 lines of 60"),
        ({"caption": ["x" * 61]}, "at most 6 lines of 60"),
        ({"caption": ["a\nb"]}, "printable text"),
        ({"caption": [""]}, "printable text"),
        ({"side": 0}, "from 1 to 500"),
        ({"side": 501}, "from 1 to 500"),
        ({"scale": 41}, "from 1 to 40"),
    ],
)
def test_what_makes_no_label_is_refused(more: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        label(LINK, format="pdf", **more)  # type: ignore[arg-type]  # the wrong ones on purpose


def test_a_caption_is_text_and_never_runs() -> None:
    words = "#panic() $x$ *b* <script> 学费"
    text = pypdfium2.PdfDocument(label(LINK, format="pdf", caption=[words]))[0].get_textpage().get_text_range()
    assert "".join(text.split()) == "".join(words.split())
