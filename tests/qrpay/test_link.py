from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrpay import reference
from qrpay.link import ExpiredToken, ForgedToken, Links, PaymentToken

KEY = bytes(range(32))
LINKS = Links("https://pay.example.cn", KEY)
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
TONIGHT = NOW + timedelta(hours=12)
GOOD = "XF0004K7Q84"

BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _token(url: str) -> str:
    return url.rpartition("/")[2]


def test_a_link_is_an_address_that_shows_neither_the_order_nor_the_time() -> None:
    url = LINKS.make(GOOD, expires=TONIGHT)
    assert url.startswith("https://pay.example.cn/pay/")
    assert len(_token(url)) == 36
    assert set(_token(url)) <= set(BASE64URL)
    assert "K7Q" not in url


@given(
    st.integers(0, reference.LIMIT - 1),
    st.datetimes(min_value=datetime(1970, 1, 2), timezones=st.just(UTC)),  # noqa: DTZ001 hypothesis adds the zone
)
def test_a_token_gives_back_its_order_and_its_last_moment(number: int, expires: datetime) -> None:
    url = LINKS.make(reference.make(number), expires=expires)
    read = LINKS.read(_token(url), now=expires - timedelta(seconds=1, microseconds=1))
    assert read == PaymentToken(reference=reference.make(number), expires=expires.replace(microsecond=0))


def test_a_token_is_good_up_to_its_expiry_and_without_it() -> None:
    token = _token(LINKS.make(GOOD, expires=TONIGHT))
    assert LINKS.read(token, now=TONIGHT - timedelta(microseconds=1)).reference == GOOD
    with pytest.raises(ExpiredToken, match=r"good until 2026-11-20T13:00:00\+00:00; ask for a new one"):
        LINKS.read(token, now=TONIGHT)


def test_no_character_of_a_token_can_be_altered() -> None:
    token = _token(LINKS.make(GOOD, expires=TONIGHT))
    for place in range(len(token)):
        for character in BASE64URL:
            altered = token[:place] + character + token[place + 1 :]
            if altered != token:
                with pytest.raises(ForgedToken):
                    LINKS.read(altered, now=NOW)


def test_a_token_of_another_key_is_forged_also_when_it_is_expired() -> None:
    token = _token(Links("https://pay.example.cn", KEY[::-1]).make(GOOD, expires=TONIGHT))
    for now in (NOW, TONIGHT):
        with pytest.raises(ForgedToken, match="not made here"):
            LINKS.read(token, now=now)


@pytest.mark.parametrize("spoil", ["{}=", "{}A", " {}", "{}\n", "{:.35}", "", "学" * 36, "!{}"])
def test_a_token_with_anything_added_or_missing_is_refused(spoil: str) -> None:
    with pytest.raises(ForgedToken, match="copy the whole link"):
        LINKS.read(spoil.format(_token(LINKS.make(GOOD, expires=TONIGHT))), now=NOW)


def test_a_time_without_a_zone_is_not_taken() -> None:
    with pytest.raises(TypeError):
        LINKS.make(GOOD, expires=TONIGHT.replace(tzinfo=None))
    with pytest.raises(TypeError):
        LINKS.read(_token(LINKS.make(GOOD, expires=TONIGHT)), now=NOW.replace(tzinfo=None))


def test_only_a_valid_reference_and_a_time_after_1970_make_a_link() -> None:
    with pytest.raises(reference.NotAReference):
        LINKS.make("XF0004K7Q85", expires=TONIGHT)
    with pytest.raises(ValueError, match="after 1970"):
        LINKS.make(GOOD, expires=datetime(1969, 12, 31, tzinfo=UTC))


@pytest.mark.parametrize(
    "base_url",
    [
        "http://pay.example.cn",
        "https://",
        "pay.example.cn",
        "javascript:alert(1)",
        "https://user@pay.example.cn",
        "https://pay.example.cn?x=1",
        "https://pay.example.cn#x",
        "https://pay.exam\nple.cn",
    ],
)
def test_an_address_that_a_payer_should_not_trust_is_refused(base_url: str) -> None:
    with pytest.raises(ValueError, match="begins with https"):
        Links(base_url, KEY)


def test_this_very_machine_and_a_path_are_fine_as_base() -> None:
    assert Links("http://127.0.0.1:8000/", KEY).make(GOOD, expires=TONIGHT).startswith("http://127.0.0.1:8000/pay/")
    assert Links("https://x.cn/escrow", KEY).make(GOOD, expires=TONIGHT).startswith("https://x.cn/escrow/pay/")


def test_a_short_key_is_refused_and_a_key_is_never_shown() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes; 31 came"):
        Links("https://pay.example.cn", KEY[1:])
    assert "key" not in repr(LINKS)
