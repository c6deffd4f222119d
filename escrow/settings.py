"""Settings from the environment (ESCROW_…), checked when the service starts."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


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

    seal_seconds: int = Field(default=10, ge=1, le=86_400)
    """How long the service lets transfers stand before it seals them into a block."""

    bureau_name: str | None = None
    """Who sends notices to institutions; by default the education bureau (教育局) of their jurisdiction."""
