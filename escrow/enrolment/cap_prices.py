"""The rules on what is paid and with what: not by a training loan, not above the published price. Pure."""

from typing import Final

from escrow.enrolment.measured import Case, Exempt, Measured
from escrow.rules.rule import Rule
from ledger.money import Money

NO_LOAN: Final = Exempt(
    why="no_loan",
    zh="本合同没有以培训贷支付的订单。",
    en="no order of this contract is marked as paid by a training loan.",
)


def loan(case: Case, rule: Rule) -> Measured | Exempt:
    """No order of the contract is to be paid by a training loan."""
    terms = case.terms
    if terms.loan_on is None:
        return NO_LOAN
    return Measured(
        rule=rule,
        broken=not rule.flag,
        fact=terms.key,
        limit="no training loan",
        found=f"ordered by training loan on {terms.loan_on}",
        working_zh=f"{terms.loan_on}的订单标明以培训贷支付。",
        working_en=f"The order of {terms.loan_on} is marked as paid by a training loan.",
        breach_zh="不得以培训贷方式缴纳培训费用，请以自有资金支付。",
        breach_en="Tuition may not be paid by a training loan; let the family pay with its own money.",
        evidence={**case.evidence, "contracts": [terms.key], "ordered_on": terms.loan_on.isoformat()},
    )


def above_list(case: Case, rule: Rule) -> Measured | Exempt:
    """Where prices must be on display, a contract costs no more than its paid lessons at the published one.

    Materials and boarding are left out: they have prices of their own.
    """
    terms = case.terms
    if terms.list_minor is None:
        return Exempt(why="no_list_price", zh="未登记公示价格。", en="no published price is recorded for the contract.")
    tuition, most = terms.price_minor - terms.materials_minor, terms.list_minor * terms.lessons
    asked, listed, single = (Money(minor).major for minor in (tuition, most, terms.list_minor))
    return Measured(
        rule=rule,
        broken=tuition > most and rule.flag,
        fact=terms.key,
        limit=str(Money(most)),
        found=str(Money(tuition)),
        working_zh=f"公示价{single}元 × {terms.lessons}课时 = {listed}元；合同培训费（不含教材、食宿）{asked}元。",
        working_en=f"Published price {single} × {terms.lessons} lessons = {listed} CNY; tuition of the contract, "
        f"without materials and boarding, {asked} CNY.",
        breach_zh=f"合同价格高于公示价格{Money(tuition - most).major}元。",
        breach_en=f"The contract is {Money(tuition - most).major} CNY dearer than its published price.",
        evidence={
            **case.evidence,
            "contracts": [terms.key],
            "minor_found": tuition,
            "minor_allowed": most,
            "list_minor": terms.list_minor,
            "lessons": terms.lessons,
        },
    )
