"""Instalments, gifts on top, token prices and packs: each seen, and what stands close to it not."""

import pytest

from escrow.monitoring.detectors.selling import gifts, instalments, packs, token_prices
from tests.escrow.monitoring.detectors.columns import GROUND, day, facts, sold

CHEAP = {"price": 100000}
"""So that no sum of two passes the cap on amounts."""


def test_two_contracts_inside_the_cap_that_pass_it_together_are_one_sale() -> None:
    (found,) = instalments(sold(CHEAP, CHEAP | {"lessons": 31}), GROUND)
    finding = found.sighting.finding
    assert (finding.fact, finding.limit, finding.found) == ("instalments:contract:1", "60 lessons", "61 lessons")
    assert finding.rule.version == "nation/prepayment.max_lessons@2021-01-01"
    assert finding.evidence["contracts"] == [1, 2]
    assert finding.evidence["habit"] == "watch/instalments@2025-01-01"
    assert "教监管函〔2021〕2号" in finding.zh
    assert found.sighting.contract_id == 2


def test_two_contracts_that_come_to_exactly_sixty_are_inside() -> None:
    assert instalments(sold(CHEAP, CHEAP), GROUND) == []


def test_the_seventh_day_is_shortly_after_and_the_eighth_is_not() -> None:
    over = CHEAP | {"lessons": 31}
    assert facts(instalments(sold(CHEAP, over | {"signed_on": day(7, 8)}), GROUND)) == ["instalments:contract:1"]
    assert instalments(sold(CHEAP, over | {"signed_on": day(7, 9)}), GROUND) == []


def test_another_word_for_the_subject_hides_nothing_when_one_course_follows_the_other() -> None:
    other = CHEAP | {"subject": "sketching", "lessons": 31}
    side_by_side = sold(CHEAP, other)
    one_after_the_other = sold(CHEAP, other | {"first_lesson": day(10, 1), "last_lesson": day(12, 20)})
    assert instalments(side_by_side, GROUND) == []
    assert facts(instalments(one_after_the_other, GROUND)) == ["instalments:contract:1"]


def test_money_is_summed_like_lessons() -> None:
    found = instalments(sold({"price": 250000}, {"price": 250001}), GROUND)
    assert [each.sighting.finding.rule.name for each in found] == ["prepayment.max_amount"]
    assert instalments(sold({"price": 250000}, {"price": 250000}), GROUND) == []


def test_a_contract_over_the_cap_alone_is_the_caps_own_business() -> None:
    assert instalments(sold(CHEAP | {"lessons": 61}, CHEAP), GROUND) == []


def test_two_students_and_two_institutions_are_no_sale() -> None:
    over = CHEAP | {"lessons": 31}
    assert instalments(sold(CHEAP, over | {"student": 2}), GROUND) == []
    assert instalments(sold(CHEAP, over | {"institution": 8}), GROUND) == []


def test_a_gift_on_top_of_a_full_pack_is_seen_and_one_that_fits_is_not() -> None:
    full, fits = {"lessons": 56, "gifted": 5}, {"lessons": 55, "gifted": 5}
    assert facts(gifts(sold(full, fits), GROUND)) == ["gifts:contract:1"]
    assert gifts(sold({"lessons": 61, "gifted": 1}), GROUND) == [], "too many without the gift: no evasion by gifts"


def test_lessons_sold_for_a_token_beside_another_contract_are_a_gift() -> None:
    token = {"lessons": 10, "price": 35999}  # 30 % of the list price are 360.00
    (found,) = token_prices(sold({}, token), GROUND)
    assert found.sighting.finding.fact == "token_price:contract:2"
    assert "非法律条文" in found.sighting.finding.zh
    assert "no article of law" in found.sighting.finding.en
    assert facts(token_prices(sold(token, {}), GROUND)) == ["token_price:contract:1"]


@pytest.mark.parametrize(
    "close",
    [
        pytest.param({"lessons": 10, "price": 36000}, id="exactly thirty per cent"),
        pytest.param({"lessons": 5, "price": 990}, id="a trial of five lessons"),
        pytest.param({"lessons": 10, "price": 990, "signed_on": day(8, 1)}, id="a month after the other contract"),
        pytest.param({"lessons": 10, "price": 990, "student": 2}, id="nothing beside it"),
    ],
)
def test_what_is_cheap_for_a_reason_is_no_gift(close: dict[str, int]) -> None:
    assert token_prices(sold({}, close), GROUND) == []


def test_a_pack_is_what_one_family_signs_on_one_day() -> None:
    same = {"signed_on": day(7, 5)}
    assert facts(packs(sold({"lessons": 120}), GROUND)) == [
        f"pack:student:1:institution:7:day:{day(7, 1)}",
    ]
    assert len(packs(sold(same | {"lessons": 60}, same | {"lessons": 60}), GROUND)) == 1
    assert packs(sold({"lessons": 119}), GROUND) == []
    assert packs(sold({"lessons": 60}, {"lessons": 60}), GROUND) == [], "on two days"


def test_nothing_sold_is_nothing_seen() -> None:
    nothing = sold({}).iloc[:0]
    assert [*instalments(nothing, GROUND), *gifts(nothing, GROUND), *packs(nothing, GROUND)] == []
    assert token_prices(nothing, GROUND) == []
