"""A bank of one supervised account, and payout files as the service would write them."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from lxml import etree

from escrow.bank.sandbox import SandboxBank
from qrpay.webhooks import KeyRing, SigningKey

ACCOUNT = "1202020219900088888"
OPENED = datetime(2026, 8, 20, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
PAIN = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"

PayoutFile = Callable[..., bytes]


@pytest.fixture(scope="session")
def key() -> SigningKey:
    return SigningKey(key_id="sandbox-2026", algorithm="v1a", material=hashlib.sha256(b"sandbox").digest())


@pytest.fixture
def bank(tmp_path: Path, key: SigningKey) -> Iterator[SandboxBank]:
    with SandboxBank.open(tmp_path / "bank.db", key=key) as bank:
        bank.open_account(ACCOUNT, "海淀区晨光培训学校")
        yield bank


@pytest.fixture
def ring(bank: SandboxBank) -> KeyRing:
    return KeyRing([bank.public_key(not_before=datetime(2026, 1, 1, tzinfo=UTC), not_after=OPENED + timedelta(365))])


@pytest.fixture(scope="session")
def payout_file() -> PayoutFile:
    """(end-to-end id, yuan) pairs → a pain.001 file; any header may be overwritten to make it wrong."""

    def write(
        transfers: Sequence[tuple[str, str]],
        *,
        message_id: str = "XF-20260910-001",
        account: str = ACCOUNT,
        count: str = "",
        total: str = "",
        currency: str = "CNY",
        creditor_account: str = "6222021202020202020",
        remark: str = "退费",
    ) -> bytes:
        count = count or str(len(transfers))
        fen = sum(int(yuan.replace(".", "")) for _, yuan in transfers)
        total = total or f"{fen // 100}.{fen % 100:02d}"
        lines = "".join(
            f"<CdtTrfTxInf><PmtId><EndToEndId>{end_to_end}</EndToEndId></PmtId>"
            f'<Amt><InstdAmt Ccy="{currency}">{yuan}</InstdAmt></Amt><Cdtr><Nm>王小明</Nm></Cdtr>'
            f"<CdtrAcct><Id><Othr><Id>{creditor_account}</Id></Othr></Id></CdtrAcct>"
            f"<RmtInf><Ustrd>{remark}</Ustrd></RmtInf></CdtTrfTxInf>"
            for end_to_end, yuan in transfers
        )
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="{PAIN}"><CstmrCdtTrfInitn>'
            f"<GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>2026-09-10T09:00:00+08:00</CreDtTm>"
            f"<NbOfTxs>{count}</NbOfTxs><CtrlSum>{total}</CtrlSum><InitgPty><Nm>监管服务</Nm></InitgPty></GrpHdr>"
            f"<PmtInf><PmtInfId>P1</PmtInfId><PmtMtd>TRF</PmtMtd><ReqdExctnDt><Dt>2026-09-10</Dt></ReqdExctnDt>"
            f"<Dbtr><Nm>海淀区晨光培训学校</Nm></Dbtr><DbtrAcct><Id><Othr><Id>{account}</Id></Othr></Id></DbtrAcct>"
            f"<DbtrAgt><FinInstnId><Nm>沙盒银行</Nm></FinInstnId></DbtrAgt>{lines}</PmtInf>"
            "</CstmrCdtTrfInitn></Document>"
        ).encode()

    return write


@pytest.fixture(scope="session")
def camt_schema() -> etree.XMLSchema:
    samples = Path(__file__).resolve().parents[4] / "shared" / "samples"
    schema = samples / "xsd" / "genkgo__assets__camt.053.001.08.xsd"
    if not schema.exists():
        pytest.skip(f"the camt.053.001.08 schema is not at {schema}")
    return etree.XMLSchema(etree.parse(schema))
