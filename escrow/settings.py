"""Settings from the environment (ESCROW_…), checked when the service starts."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def _a_mail_server(url: SecretStr) -> SecretStr:
    if re.fullmatch("smtps?://[!-~]+", url.get_secret_value()) is None:
        raise ValueError("a mail server is named smtp://user:password@host:port, or smtps://…")
    return url


class Settings(BaseSettings):
    """What a deployment may decide. Everything else is a rule, a record, or fixed."""

    model_config = SettingsConfigDict(env_prefix="ESCROW_")

    database_url: str = "sqlite:///escrow.db"
    """SQLite file by default; PostgreSQL in production: postgresql+psycopg://…"""

    region: int = Field(default=900001, ge=100000, le=900719)
    """Six digits (GB/T 2260) that every id of this database begins with; fixed when the database is made."""

    merchant_city: str = Field(default="MODEL COUNTY", pattern="^[!-~][ -~]{0,13}[!-~]$")
    """The city in EMV codes (tag 60), ASCII: where the jurisdiction lies, so "CHONGQING" for one that lies there."""

    base_url: str = "http://127.0.0.1:8000"
    """Where families reach this service: payment links begin with it."""

    bank_url: str = ""
    """Where the supervising bank answers questions; empty: it is not asked, its notices and statements must do."""

    ask_seconds: int = Field(default=60, ge=1, le=86_400)
    """How often it is seen which orders the bank is to be asked about."""

    supervising_bank: str = Field(default="示范县监管银行", min_length=1, max_length=30)
    """The bank that keeps the supervised accounts, as families know it."""

    complaints: str = Field(default="教育局，或政务服务便民热线 12345", min_length=1, max_length=40)
    """Where families complain, as it stands on posters."""

    seal_seconds: int = Field(default=10, ge=1, le=86_400)
    """How long the service lets transfers stand before it seals them into a block."""

    deliver_seconds: int = Field(default=2, ge=1, le=3_600)
    """How often the service looks for alerts to tell to subscribers."""

    smtp_url: Annotated[SecretStr, AfterValidator(_a_mail_server)] | None = None
    """The mail server: smtp://user:password@host:587 (STARTTLS, except to this machine) or smtps://…:465."""

    mail_from: str = Field(default="tuition-escrow@localhost", pattern=r"^[^@\s<>]+@[^@\s<>]+$")
    """Who letters about alerts are from."""

    bureau_name: str | None = None
    """Who sends notices to institutions; by default the education bureau (教育局) of their jurisdiction."""
