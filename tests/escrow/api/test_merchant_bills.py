"""A channel's bill over HTTP: one file, one answer, however often it is sent."""

from httpx2 import Response

from tests.escrow.api.town import API, Town
from tests.reconciliation.bill_files import Trade, wechat

FILE = wechat([Trade(order="T0000000000011", amount=100_000, fee=600)]).encode()


def sent(town: Town, data: bytes, *, key: str, who: str = "teller", account: str = "6200000001") -> Response:
    return town.service.client.post(
        f"{API}/merchant-bills",
        files={"file": ("bill.csv", data)},
        data={"account": account},
        headers={"Authorization": f"Bearer {town.service.tokens[who]}", "Idempotency-Key": key},
    )


def test_a_bill_is_taken_in_once_and_can_be_looked_up(town: Town) -> None:
    first, again, anew = sent(town, FILE, key="1"), sent(town, FILE, key="1"), sent(town, FILE, key="2")
    assert first.status_code == 201, first.text
    told = first.json()["bill"]
    assert first.json()["reconciliation"]["matched"] == {}
    assert (told["channel"], told["trades"], told["fresh"]) == ("wechat", 1, 1)
    assert told["net"] == {"amount": "994.00", "currency": "CNY"}
    assert again.json() == first.json()
    assert (anew.json()["bill"]["id"], anew.json()["bill"]["fresh"]) == (told["id"], 0)
    shown = town.service.get("auditor", f"/merchant-bills/{told['id']}")
    assert shown.json() == {name: value for name, value in told.items() if name != "fresh"}
    assert town.held("bank/6200000001") == "0.00"


def test_a_bill_is_refused_in_words_and_at_the_wrong_hands(town: Town) -> None:
    broken = sent(town, FILE.replace(b"1000.00", b"1000.01", 1), key="1")
    assert (broken.status_code, broken.json()["type"]) == (422, "/problems/control-totals-broken")
    assert sent(town, FILE, key="1").json()["type"] == "/problems/idempotency-key-reused"
    nobody = sent(town, FILE, key="2", account="6299999999")
    assert (nobody.status_code, nobody.json()["type"]) == (422, "/problems/not-supervised")
    assert sent(town, FILE, key="3", who="family").status_code == 403
    assert town.service.get("zhang", "/merchant-bills/1").status_code == 404
    assert town.service.get("family", "/merchant-bills/1").status_code == 403
