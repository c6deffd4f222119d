"""What a price is made of and reckoned by, and whether an order is to be paid by a training loan."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    whole = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    # Written out: Alembic would make SQLite's table anew for the sake of its checks, which a new column may bring itself.
    for table, column, check in (
        ("contract", f"materials {whole} NOT NULL DEFAULT 0", "materials >= 0 AND materials < price"),
        ("contract", "charged_by TEXT NOT NULL DEFAULT 'lessons'", "charged_by IN ('lessons', 'period', 'both')"),
        ("payment_order", f"by_loan {whole} NOT NULL DEFAULT 0", "by_loan IN (0, 1)"),
    ):
        name = f"ck_{table}_{column.split()[0]}"
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column} CONSTRAINT {name} CHECK ({check})")
    op.execute("CREATE INDEX ix_payment_order_by_loan ON payment_order (contract_id) WHERE by_loan = 1")
    if op.get_bind().dialect.name == "sqlite":
        return
    for column, comment in (
        ("contract.price", "fen, all that the family prepays"),
        ("contract.materials", "fen of the price: materials and boarding"),
        ("contract.charged_by", "what the price is reckoned by"),
        ("payment_order.by_loan", "1: to be paid by a training loan"),
    ):
        op.execute(f"COMMENT ON COLUMN {column} IS '{comment}'")
