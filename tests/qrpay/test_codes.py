"""The encoders behind one interface: link, EMV, and a bank's own that nobody had to make room for."""

import base64
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.money import Money
from qrpay import reference, tlv
from qrpay.codes import AlteredCode, Asked, Codes, NoSuchCode, Payee, Said
from qrpay.emv import EmvCode, NotACode
from qrpay.link import ForgedToken, LinkCode, Links

KEY = bytes(range(32))
LINKS = Links("https://pay.example.cn", KEY)
TODAY = date(2026, 11, 20)
EXPIRES = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
PAYEE = Payee(
    number=9000010000000001,
    account="6222020200012345678",
    name="91500110MA5U00001X",
    name_zh="杭州市西湖区希望培训学校",
    city="HANGZHOU",
)
ASKED = Asked(payee=PAYEE, reference="XF0004K7Q84", amount=Money(128_000), expires=EXPIRES)
CODES = Codes([LinkCode(LINKS), EmvCode(domain="cn.tuition-escrow")])
BOTH = pytest.mark.parametrize("kind", CODES.names)


@dataclass(frozen=True, slots=True)
class BankCode:
    """A bank's own code, as a bank might have it: its mark, fields parted by bars, and its own number for the payee."""

    name: str = "model-bank"

    def encode(self, asked: Asked) -> str:
        return f"MB1|{asked.payee.account}|{asked.reference}|{asked.amount.minor}"

    def standing(self, payee: Payee, *, issued: date) -> str:
        return f"MB1|{payee.account}||"

    def read(self, payload: str) -> Said | None:
        if not payload.startswith("MB1|"):
            return None
        _, account, order, fen = payload.split("|")
        amount = Money(int(fen)) if fen else None
        return Said(kind=self.name, account=account, reference=order or None, amount=amount)


def test_a_banks_own_code_is_added_without_touching_the_others() -> None:
    codes = Codes([*CODES.encoders, BankCode()])
    assert codes.names == ("link", "emv", "model-bank")
    payload = codes.named("model-bank").encode(ASKED)
    assert payload == "MB1|6222020200012345678|XF0004K7Q84|128000"
    said = codes.read(payload)
    assert said == Said(kind="model-bank", account=PAYEE.account, reference=ASKED.reference, amount=ASKED.amount)
    for kind in CODES.names:
        assert codes.read(codes.named(kind).encode(ASKED)) == CODES.read(CODES.named(kind).encode(ASKED))
    assert CODES.read(payload) is None


@BOTH
def test_an_orders_code_names_the_order_and_what_its_kind_has_room_for(kind: str) -> None:
    said = CODES.read(CODES.named(kind).encode(ASKED))
    assert said is not None
    assert (said.kind, said.reference, said.number, said.issued) == (kind, ASKED.reference, None, None)
    told = {"link": (None, None, EXPIRES), "emv": (ASKED.amount, PAYEE.account, None)}
    assert (said.amount, said.account, said.expires) == told[kind]


@BOTH
def test_a_standing_code_names_the_payee_and_asks_for_nothing(kind: str) -> None:
    said = CODES.read(CODES.named(kind).standing(PAYEE, issued=TODAY))
    assert said is not None
    assert (said.reference, said.amount, said.expires) == (None, None, None)
    told = {"link": (PAYEE.number, None, TODAY), "emv": (None, PAYEE.account, None)}
    assert (said.number, said.account, said.issued) == told[kind]


@given(st.integers(0, 2**56 - 1), st.dates(date(1970, 1, 1), date(2149, 6, 6)))
def test_every_standing_link_is_read_back_and_its_serial_is_the_papers(number: int, issued: date) -> None:
    token = LINKS.standing(number, issued=issued).rpartition("/")[2]
    read = LINKS.read_standing(token)
    assert (read.number, read.issued) == (number, issued)
    assert len(read.serial) == 8
    assert set(read.serial) <= set(reference.ALPHABET)


@pytest.mark.parametrize(
    ("number", "issued"), [(-1, TODAY), (2**56, TODAY), (1, date(1969, 1, 1)), (1, date(2150, 1, 1))]
)
def test_a_standing_link_that_does_not_fit_is_not_made(number: int, issued: date) -> None:
    with pytest.raises(ValueError, match=r"below 2\^56 and a day from 1970 to 2149"):
        LINKS.standing(number, issued=issued)


def test_no_character_of_a_standing_link_can_be_altered_and_none_passes_for_an_orders() -> None:
    token = LINKS.standing(PAYEE.number, issued=TODAY).rpartition("/")[2]
    for place in range(len(token)):
        with pytest.raises(ForgedToken):
            LINKS.read_standing(token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :])
    with pytest.raises(ForgedToken):
        LINKS.read(token, now=EXPIRES - timedelta(days=1))
    with pytest.raises(ForgedToken):
        LINKS.read_standing(LINKS.make("XF0004K7Q84", expires=EXPIRES).rpartition("/")[2])


def test_an_order_and_a_wall_never_share_a_signature() -> None:
    """The first bytes say what a token is, and are signed."""
    token = LINKS.make("XF0004K7Q84", expires=EXPIRES).rpartition("/")[2]
    raw = base64.urlsafe_b64decode(token)
    assert raw[:1] == b"\x01"
    forged = base64.urlsafe_b64encode(b"\x02" + raw[1:10] + raw[-16:-2]).decode()
    with pytest.raises(ForgedToken):
        LINKS.read_standing(forged)


@pytest.mark.parametrize(
    "foreign",
    [
        "",
        "你好",
        "https://pay.example.cn.evil.example/pay/x",
        "https://pay.example.cnx/pay/x",
        "http://pay.example.cn/pay/x",
        "https://PAY.example.cn/pay/x",
        "wxp://f2f0abc",
        "https://qr.alipay.com/fkx123",
        tlv.write_tlv("00", "01") + "26" + "080004hoge" + "6304ABCD",
    ],
)
def test_what_is_not_ours_is_nobodys_here(foreign: str) -> None:
    assert CODES.read(foreign) is None


@BOTH
@pytest.mark.parametrize("standing", [False, True])
def test_a_code_of_ours_that_was_altered_is_told_from_a_strangers(kind: str, standing: bool) -> None:
    encoder = CODES.named(kind)
    payload = encoder.standing(PAYEE, issued=TODAY) if standing else encoder.encode(ASKED)
    for altered in (payload[:-1], payload + "0", payload[:-3] + ("A" if payload[-3] != "A" else "B") + payload[-2:]):
        with pytest.raises(AlteredCode):
            CODES.read(altered)


def test_a_link_of_ours_that_goes_elsewhere_is_altered() -> None:
    for path in ("", "admin", "pay/../../x", "docs"):
        with pytest.raises(AlteredCode):
            CODES.read(f"https://pay.example.cn/{path}")


def test_a_long_chinese_name_is_cut_to_what_the_specification_has_room_for() -> None:
    asked = replace(ASKED, payee=replace(PAYEE, name_zh="希" * 24 + " 望" + "学校" * 5))
    payload = CODES.named("emv").encode(asked)
    assert tlv.read_tlv(tlv.check(payload)["64"])["01"] == "希" * 24
    with pytest.raises(NotACode):
        CODES.named("emv").encode(replace(ASKED, payee=replace(PAYEE, name="希望")))


def test_an_unknown_kind_is_refused_with_the_known_ones_and_no_name_stands_twice() -> None:
    with pytest.raises(NoSuchCode, match="one of link, emv; 'paper' was asked for"):
        CODES.named("paper")
    with pytest.raises(ValueError, match="a name of its own"):
        Codes([BankCode(), BankCode()])
