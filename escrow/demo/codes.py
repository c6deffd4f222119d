"""The codes of the first orders as a family would scan them: a payment link and an EMV code, as SVG and as PNG."""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from escrow.access.keys import own_secret
from escrow.enrolment import codes, contracts
from escrow.enrolment.orders import Order
from escrow.registry import institutions
from escrow.settings import Settings
from qrpay import symbol
from qrpay.link import Links

FIRST: Final = 8
"""Orders whose codes are drawn: four pictures each, some thirty a second."""


def draw(db: Connection, order: Order, folder: Path) -> None:
    """Draw one order's codes into the folder."""
    settings = Settings()
    institution = institutions.get(db, contracts.get(db, order.contract_id).institution_id)
    # The same secret as the service's own links, so that `serve` knows them.
    ways = codes.encoders(Links(settings.base_url, own_secret(db, "payment-link")))
    city, now = settings.merchant_city, order.created_at
    for kind in ways.names:
        payload = codes.payload(order, institution, kind=kind, codes=ways, city=city, now=now)
        folder.joinpath(f"{order.reference}-{kind}.svg").write_bytes(symbol.svg(payload))
        folder.joinpath(f"{order.reference}-{kind}.png").write_bytes(symbol.png(payload))
