"""The codes of the first orders as a family would scan them: a payment link and an EMV code, as SVG and as PNG."""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from escrow.access.keys import own_secret
from escrow.enrolment import contracts
from escrow.enrolment.orders import Order
from escrow.registry import institutions
from escrow.settings import Settings
from ledger.money import Money
from qrpay import emv, symbol
from qrpay.emv import MerchantCode
from qrpay.link import Links

FIRST: Final = 8
"""Orders whose codes are drawn: four pictures each, some thirty a second."""

PAYEE_DOMAIN: Final = "cn.tuition-escrow"


def draw(db: Connection, order: Order, folder: Path) -> None:
    """Draw one order's codes into the folder."""
    settings = Settings()
    payee = institutions.get(db, contracts.get(db, order.contract_id).institution_id)
    # The same secret as the service's own links, so that `serve` knows them.
    link = Links(settings.base_url, own_secret(db, "payment-link")).make(order.reference, expires=order.expires_at)
    code = MerchantCode(
        payee_domain=PAYEE_DOMAIN,
        payee_account=payee.supervised_account,
        name=payee.credit_code,
        city=settings.merchant_city,
        name_zh=payee.name,
        reference=order.reference,
        amount=Money(order.amount),
    )
    for kind, payload in (("link", link), ("emv", emv.encode(code))):
        folder.joinpath(f"{order.reference}-{kind}.svg").write_bytes(symbol.svg(payload))
        folder.joinpath(f"{order.reference}-{kind}.png").write_bytes(symbol.png(payload))
