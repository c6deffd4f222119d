"""How contracts are sold: in instalments, with gifts on top, in packs."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, select

from escrow.enrolment.tables import CHILD, contract, student
from escrow.monitoring.detectors.ground import Ground, Seen, limits, seen
from escrow.monitoring.frames import AHEAD, DAY, days, frame, instant_of, integers, records, seconds
from escrow.registry.tables import institution
from escrow.rules.rule import Rule
from ledger.money import Money

_FAMILY = ["student", "institution"]


def contracts(db: Connection, since: datetime) -> pd.DataFrame:
    """Every contract signed since, ended ones too: a child's at an institution together, in the order of signing."""
    c, i = contract.c, institution.c
    query = (
        select(
            c.id,
            c.institution_id.label("institution"),
            CHILD.label("student"),
            c.subject,
            c.lessons,
            c.gifted,
            c.price,
            c.list_price,
            seconds(c.signed_at).label("signed_at"),
            days(c.first_lesson).label("first_lesson"),
            days(c.last_lesson).label("last_lesson"),
            i.category,
            i.mode,
            i.jurisdiction,
        )
        .join(institution, i.id == c.institution_id)
        .join(student, student.c.id == c.student_id)
        .where(c.signed_at >= since)
    )
    found = frame(db, query, texts=("subject", "category", "mode", "jurisdiction"))
    found["signed_on"] = (found["signed_at"] + AHEAD) // DAY
    found["all_lessons"] = found["lessons"] + found["gifted"]
    return found.sort_values([*_FAMILY, "signed_at", "id"], ignore_index=True)


def instalments(sold: pd.DataFrame, ground: Ground) -> list[Seen]:
    """Contracts signed shortly after each other, each inside the caps, together past one.

    One belongs to the one signed before it when it is of the same subject, or begins after the other has ended: two
    subjects side by side are two courses, one after the other they are one course under two names.
    """
    habit = ground.habit("instalments")
    if habit is None:
        return []
    before = sold.shift(1)
    goes_on = (sold["student"] == before["student"]) & (sold["institution"] == before["institution"])
    goes_on &= sold["signed_on"] - before["signed_on"] <= habit["days"]
    goes_on &= (sold["subject"] == before["subject"]) | (sold["first_lesson"] > before["last_lesson"])
    sale = (~goes_on).cumsum()
    parts = sold[sale.groupby(sale).transform("size") > 1]
    sale = sale[parts.index]
    found: list[Seen] = []
    for name, figure in (("prepayment.max_lessons", "all_lessons"), ("prepayment.max_amount", "price")):
        rules = ground.rules(name, parts, signed="signed_on", first_lesson="first_lesson")
        limit = pd.Series(limits(rules), index=parts.index)
        alone = (parts[figure] <= limit).groupby(sale).transform("all")
        together = parts[figure].groupby(sale).transform("sum") > limit.groupby(sale).transform("max")
        by_row = dict(zip(parts.index, rules, strict=True))
        for _, of_sale in parts[alone & together].groupby(sale):
            rule = by_row[of_sale.index[-1]]
            if rule is not None:
                found.append(_instalments(of_sale, figure, rule, habit.rule.version))
    return found


def _instalments(parts: pd.DataFrame, figure: str, rule: Rule, habit: str) -> Seen:
    ids, each = integers(parts["id"]), integers(parts[figure])
    total, limit = sum(each), rule.integer
    if figure == "price":
        figures = (str(Money(limit)), str(Money(total)))
        zh, en = f"{Money(total).major}元，超过{Money(limit).major}元", f"{figures[1]}, past {figures[0]}"
    else:
        figures = (f"{limit} lessons", f"{total} lessons")
        zh, en = f"{total}课时，超过{limit}课时", f"{figures[1]}, past {figures[0]}"
    first, last = instant_of(parts["signed_at"].iloc[0]), instant_of(parts["signed_at"].iloc[-1])
    return seen(
        rule,
        f"instalments:contract:{ids[0]}",
        institution=int(parts["institution"].iloc[0]),
        contract=ids[-1],
        last=last,
        figures=figures,
        zh=f"同一学员在同一机构于{first.date()}至{last.date()}间接连签订{len(ids)}份合同，单份均未超限，合计{zh}的上限"
        f"（分拆口径{habit}）。",
        en=f"{len(ids)} contracts of one student at one institution, signed from {first.date()} to {last.date()}, each "
        f"inside the cap, come to {en} (taken together by habit {habit}).",
        evidence={
            "student": int(parts["student"].iloc[0]),
            "contracts": ids,
            "counted": each,
            "total": total,
            "allowed": limit,
            "habit": habit,
        },
    )


def gifts(sold: pd.DataFrame, ground: Ground) -> list[Seen]:
    """Gifted lessons on top of a pack that was inside the cap without them."""
    gifted = sold[sold["gifted"] > 0]
    rules = ground.rules("prepayment.max_lessons", gifted, signed="signed_on", first_lesson="first_lesson")
    limit = limits(rules)
    over = (gifted["lessons"] <= limit) & (gifted["all_lessons"] > limit)
    return [
        seen(
            rule,
            f"gifts:contract:{row['id']}",
            institution=row["institution"],
            contract=row["id"],
            last=instant_of(row["signed_at"]),
            figures=(f"{rule.integer} lessons", f"{row['lessons']} + {row['gifted']} lessons"),
            zh=f"合同计价{row['lessons']}课时未超限，另赠{row['gifted']}课时，合计{row['all_lessons']}课时，"
            f"超过{rule.integer}课时的上限；赠课计入上限。",
            en=f"{row['lessons']} lessons are sold, inside the cap of {rule.integer}, and {row['gifted']} gifted on "
            f"top make it {row['all_lessons']}; gifts count.",
            evidence={
                "student": row["student"],
                "contracts": [row["id"]],
                "lessons_sold": row["lessons"],
                "lessons_gifted": row["gifted"],
                "allowed": rule.integer,
            },
        )
        for row, rule in _with(gifted, rules, over)
    ]


def token_prices(sold: pd.DataFrame, ground: Ground) -> list[Seen]:
    """A contract sold for a token, next to another one of the family: a gift with a price tag."""
    habit = ground.habit("gifts")
    if habit is None:
        return []
    family = sold.groupby(_FAMILY)["signed_on"]
    near = (sold["signed_on"] - family.shift(1) <= habit["days"]) | (
        family.shift(-1) - sold["signed_on"] <= habit["days"]
    )
    cheap = sold["price"] * 100 < sold["list_price"] * sold["lessons"] * habit["token_percent"]
    chosen = sold[near & cheap & (sold["lessons"] > habit["trial_lessons"])]
    return [_token_price(row, habit["token_percent"], habit.rule) for row in records(chosen)]


def _token_price(row: dict[str, Any], percent: int, rule: Rule) -> Seen:
    listed = Money(row["list_price"] * row["lessons"])
    return seen(
        rule,
        f"token_price:contract:{row['id']}",
        institution=row["institution"],
        contract=row["id"],
        last=instant_of(row["signed_at"]),
        figures=(f"{percent} % of {listed}", str(Money(row["price"]))),
        zh=f"合同以{Money(row['price']).major}元出售{row['lessons']}课时，公示价为{listed.major}元，不足其{percent}%，"
        "且该学员同期另有合同：疑为以象征性价格赠课。",
        en=f"{row['lessons']} lessons are sold for {Money(row['price'])}, the list price is {listed}; that is less "
        f"than {percent} %, next to another contract of the family: a gift with a price tag.",
        evidence={
            "student": row["student"],
            "contracts": [row["id"]],
            "lessons_sold": row["lessons"],
            "price_minor": row["price"],
            "list_price_minor": listed.minor,
        },
    )


def packs(sold: pd.DataFrame, ground: Ground) -> list[Seen]:
    """All that a family signs at one institution on one day, when it comes to a large pack."""
    habit = ground.habit("pack")
    if habit is None:
        return []
    pack = sold.groupby([*_FAMILY, "signed_on"])
    large = sold[pack["lessons"].transform("sum") >= habit["lessons"]]
    found = []
    for (child, where, day), of_day in large.groupby([*_FAMILY, "signed_on"]):
        ids, each = integers(of_day["id"]), integers(of_day["lessons"])
        signed = instant_of(of_day["signed_at"].max())
        found.append(
            seen(
                habit.rule,
                f"pack:student:{child}:institution:{where}:day:{day}",
                institution=int(str(where)),
                contract=ids[-1],
                last=signed,
                figures=(f"{habit['lessons']} lessons", f"{sum(each)} lessons"),
                zh=f"同一学员于{signed.date()}在同一机构一次购买{sum(each)}课时（{len(ids)}份合同），"
                f"达到大额课包的{habit['lessons']}课时。",
                en=f"{sum(each)} lessons are sold to one student on {signed.date()} in {len(ids)} contract(s); from "
                f"{habit['lessons']} on it is a large pack.",
                evidence={"student": int(str(child)), "contracts": ids, "counted": each},
            )
        )
    return found


def _with(rows: pd.DataFrame, rules: list[Rule | None], chosen: "pd.Series[bool]") -> Iterable[tuple[Any, Rule]]:
    return (
        (row, rule) for row, rule, yes in zip(records(rows), rules, chosen, strict=True) if yes and rule is not None
    )
