"""The proof of cash: every difference named, and what nobody can name left over."""

from datetime import date

from ledger.money import Money
from reconciliation.proof import Difference, Proof


def proof(statement: int) -> Proof:
    return Proof(
        account="1202021019900123456",
        on=date(2026, 10, 8),
        ledger_balance=Money(1_000_000),
        differences=(
            Difference(name="企业未付、银行已付", amount=Money(-1_000), reference="8003"),
            Difference(name="通知（未上账）", amount=Money(128_000), reference="TE2610080001"),
        ),
        statement_balance=Money(statement),
    )


def test_named_differences_lead_from_the_ledger_to_the_statement() -> None:
    assert proof(1_127_000).explained == Money(1_127_000)
    assert proof(1_127_000).unexplained == Money(0)


def test_what_no_difference_names_is_left_over_with_its_sign() -> None:
    assert proof(1_126_999).unexplained == Money(-1)


def test_the_table_is_aligned_although_chinese_is_twice_as_wide() -> None:
    assert str(proof(1_126_999)) == (
        "账户 1202021019900123456  2026-10-08  CNY\n"
        "------------------------------------------\n"
        "账面余额                          10000.00\n"
        "企业未付、银行已付  8003            -10.00\n"
        "通知（未上账）      TE2610080001   1280.00\n"
        "------------------------------------------\n"
        "调节后余额                        11270.00\n"
        "对账单余额                        11269.99\n"
        "未解释差额                           -0.01"
    )
