"""Days and months of the business clock, Asia/Shanghai."""

from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Asia/Shanghai")
Period = Literal["day", "month"]


def first_of(period: Period, instant: datetime) -> datetime:
    """The first instant of the day or month of the business clock that this one falls in."""
    local = instant.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    return local if period == "day" else local.replace(day=1)


def end_of(period: Period, first: datetime) -> datetime:
    """The first instant of the next one."""
    return first + timedelta(days=1) if period == "day" else (first + timedelta(days=32)).replace(day=1)
