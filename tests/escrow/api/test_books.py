"""The books at the door: the tree of accounts."""

from tests.escrow.api.town import Town, yuan


def test_the_tree_of_accounts_adds_up_from_its_root_to_its_leaves(town: Town) -> None:
    town.pay()
    service = town.service
    root = service.get("auditor", "/ledger/tree/").json()
    assert root["node"]["net"] == yuan("0.00")
    nets = {each["path"]: each["net"]["amount"] for each in root["children"]}
    assert nets == {"bank": "1000.00", "contract": "-1000.00", "institution": "0.00"}
    bank = service.get("auditor", "/ledger/tree/bank/6200000001").json()
    assert bank["node"]["debits"] == yuan("1000.00")
    assert {each["path"].rsplit("/", 1)[1] for each in bank["children"]} == {"fees", "interest", "suspense"}
    assert bank["node"]["accounts"] == 1 + len(bank["children"])


def test_the_tree_as_of_a_day_is_of_that_day(town: Town) -> None:
    town.pay()
    day = f"{town.service.clock():%Y-%m-%d}"
    for asked, net in (
        (f"as_of={day}", "1000.00"),
        ("as_of=2026-08-31", "0.00"),
        ("known_at=2026-08-31T00:00:00Z", "0.00"),
    ):
        assert town.service.get("auditor", f"/ledger/tree/bank?{asked}").json()["node"]["net"] == yuan(net)


def test_what_is_no_node_is_unknown_and_a_family_sees_no_tree(town_anywhere: Town) -> None:
    service = town_anywhere.service
    for path in ("bank/620", "bank/", "%00", "银行"):
        answer = service.get("auditor", f"/ledger/tree/{path}")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/unknown"), path
    assert service.get("family", "/ledger/tree/bank").status_code == 403
