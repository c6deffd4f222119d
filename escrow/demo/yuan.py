"""Amounts as people write them."""

from decimal import Decimal

from babel.numbers import format_decimal

from ledger.money import Money


def yuan(fen: int) -> str:
    """Fen as yuan, exactly: 128000 → "1,280.00"."""
    return format_decimal(Decimal(Money(fen).major), format="#,##0.00", locale="zh_CN")
