"""Scores at the door: for the bureau and the auditor, with every part."""

from escrow.db import transaction
from escrow.monitoring.watching import watch
from escrow.rules.habits import Habits
from tests.escrow.api.town import Town
from tests.escrow.county import RULEBOOK


def test_the_bureau_sees_the_parts_of_a_score_and_nobody_else_does(town: Town) -> None:
    service, path = town.service, f"/institutions/{town.institution}/risk"
    assert service.get("zhang", path).json()["scores"] == [], "nobody has looked yet"
    with transaction(service.engine) as db:
        watch(db, rulebook=RULEBOOK, habits=Habits.load(), now=service.clock())
    for who in ("zhang", "auditor"):
        newest = service.get(who, path).json()["scores"][0]
        assert newest["score"] == sum(part["points"] for part in newest["parts"])
        assert [part["weight"] for part in newest["parts"]] == [25, 20, 20, 15, 10, 10]
        assert newest["parts"][0]["version"] == "watch/risk_collections@2025-01-01"
    for who in ("school", "family", "teller"):
        assert service.get(who, path).status_code == 403
    assert service.get("zhang", "/institutions/1/risk").status_code == 404
