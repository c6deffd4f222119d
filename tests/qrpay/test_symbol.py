import io
import re
from xml.etree import ElementTree as ET

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from qrpay import symbol

LINK = "https://pay.example.cn/pay/AQAAAkz3AGsODgBdw-FwJCqQFkLbFGqcSPn7"
# Each of these characters also exists in Shift_JIS, which a careless encoder then prefers.
CHINESE = "6420" + "0002ZH0104最佳运输0202北京"


def _seen(picture: Image.Image) -> zxingcpp.Barcode:
    barcode = zxingcpp.read_barcode(picture)
    assert barcode is not None, "the reader sees no code"
    return barcode


@pytest.mark.parametrize("payload", [LINK, CHINESE, "1", "点", "00020101021226", "学" * 170])
def test_a_phone_reads_the_very_bytes_of_the_payload(payload: str) -> None:
    barcode = _seen(Image.open(io.BytesIO(symbol.png(payload))))
    assert barcode.bytes == payload.encode()
    assert barcode.format == zxingcpp.BarcodeFormat.QRCode
    assert barcode.ec_level == "M"


def test_digits_are_written_as_bytes_like_everything_else() -> None:
    # Forty digits in numeric mode would fit version 2 (ISO/IEC 18004, Table 7).
    seen = _seen(Image.open(io.BytesIO(symbol.png("1" * 40)))).extra
    assert isinstance(seen, dict)
    assert seen["Version"] == "3"


@settings(max_examples=20, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=120))
def test_any_text_survives_drawing_and_reading(payload: str) -> None:
    assert _seen(Image.open(io.BytesIO(symbol.png(payload, scale=4)))).bytes == payload.encode()


@pytest.mark.parametrize("payload", [LINK, CHINESE])
def test_the_scalable_picture_is_readable_on_a_black_page(payload: str) -> None:
    page = _rasterised(symbol.svg(payload), ground=0)
    assert _seen(page).bytes == payload.encode()


@pytest.mark.parametrize("payload", [LINK, CHINESE])
def test_both_pictures_are_the_same_modules_with_four_of_quiet_zone(payload: str) -> None:
    pixels = Image.open(io.BytesIO(symbol.png(payload, scale=1))).convert("L")
    vectors = _rasterised(symbol.svg(payload), ground=0, scale=1)
    assert pixels.tobytes() == vectors.tobytes()
    rim = {pixels.getpixel((x, y)) for x in range(pixels.width) for y in range(4)}
    assert rim == {255}
    assert pixels.getpixel((4, 4)) == 0


def test_a_scalable_picture_takes_the_size_that_the_page_gives_it() -> None:
    root = ET.fromstring(symbol.svg(LINK))  # noqa: S314 our own drawing
    assert "width" not in root.attrib
    assert re.fullmatch("0 0 [0-9]+ [0-9]+", root.attrib["viewBox"])


def test_equal_orders_look_equal() -> None:
    assert symbol.svg(LINK) == symbol.svg(LINK)
    assert symbol.png(LINK) == symbol.png(LINK)


@pytest.mark.parametrize("payload", ["", "x" * 2332, "学" * 778], ids=["nothing", "ASCII", "Chinese"])
def test_a_payload_that_does_not_fit_is_refused_with_the_limit(payload: str) -> None:
    with pytest.raises(ValueError, match=r"1 to 2331 bytes of UTF-8; (0|2332|2334) came"):
        symbol.svg(payload)


def test_the_longest_payload_fits() -> None:
    assert _seen(Image.open(io.BytesIO(symbol.png("x" * symbol.MAX_BYTES, scale=4)))).bytes == b"x" * 2331


@pytest.mark.parametrize("scale", [0, -1, 41, True, 10**9])
def test_a_scale_that_makes_no_picture_is_refused(scale: int) -> None:
    with pytest.raises(ValueError, match="whole number from 1 to 40"):
        symbol.png(LINK, scale=scale)


def _rasterised(svg: bytes, *, ground: int, scale: int = 6) -> Image.Image:
    """Draw the two paths of the SVG on a page: the filled ground, then the dark runs of each row."""
    root = ET.fromstring(svg)  # noqa: S314 our own drawing
    side = int(root.attrib["viewBox"].split()[2])
    page = Image.new("L", (side, side), ground)
    light, dark = root.iterfind("{http://www.w3.org/2000/svg}path")
    assert light.attrib["fill"] == "#fff"
    assert light.attrib["d"] == f"M0 0h{side}v{side}h-{side}z"
    page.paste(255, (0, 0, side, side))
    assert dark.attrib["stroke"] == "#000"
    x, row = 0, 0
    for command, numbers in re.findall("([Mmh])([-0-9. ]+)", dark.attrib["d"]):
        if command == "h":
            page.paste(0, (x, row, x + int(numbers), row + 1))
            x += int(numbers)
        else:
            across, down = numbers.split()
            x, row = (int(across), int(float(down))) if command == "M" else (x + int(across), row + int(down))
    return page.resize((side * scale, side * scale), Image.Resampling.NEAREST)
