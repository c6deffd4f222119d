"""The seal over HTTP: the published head, proofs for those whom they concern, plain words where there is none."""

import json
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Engine, func, select, text
from starlette.testclient import TestClient

from escrow.access import keys
from escrow.app import create_app
from escrow.db import snapshot, transaction
from escrow.rules.rulebook import Rulebook
from escrow.settings import Settings
from ledger import blocks
from ledger.movements import movement
from ledger.posting import post_all
from ledger.sealing import seal
from tests.escrow.api.town import Service, Town, institution
from tests.escrow.running import ROOT
from tests.ledger.books import NOW, PAYMENT, opened

PROGRAM: Final = ROOT / "docs" / "verify_receipt.py"


def sealed(service: Service) -> None:
    """What the service does in the background."""
    with transaction(service.engine) as db:
        seal(db, signer=keys.sealer(db), now=service.clock())


def paid(town: Town) -> dict[str, Any]:
    """A payment as the auditor sees it."""
    town.pay()
    transfer: dict[str, Any] = town.service.get("auditor", "/ledger/transfers").json()["items"][0]
    return transfer


def verified(folder: Path, proof: object, head: object, key: str) -> subprocess.CompletedProcess[str]:
    files = [folder / "proof.json", folder / "head.json"]
    for file, content in zip(files, (proof, head), strict=True):
        file.write_text(json.dumps(content), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-I", PROGRAM, *files, key], capture_output=True, text=True, check=False, timeout=60
    )


def test_a_family_proves_its_payment_by_the_published_head(town: Town, tmp_path: Path) -> None:
    service, transfer = town.service, paid(town)
    sealed(service)
    town.teach(service.clock() + timedelta(days=4))
    sealed(service)
    head = service.get("zhang", "/ledger/head").json()
    proof = service.get("family", f"/ledger/proofs/{transfer['reference']}").json()
    told = verified(tmp_path, proof, head, head["header"]["key"])
    assert (told.returncode, told.stderr) == (0, "")
    assert proof["transfer"]["reference"] == transfer["reference"]
    assert proof["transfer"]["amount"] == 100_000, "in fen, as it was sealed"
    assert (proof["block"]["number"], head["header"]["number"]) == (1, 2)
    old = service.get("family", f"/ledger/proofs/{transfer['reference']}?head=1").json()
    assert old["head"]["header"]["number"] == 1
    assert verified(tmp_path, old, old["head"], head["header"]["key"]).returncode == 0


def test_a_transfer_is_found_by_its_reference_or_its_id(town_anywhere: Town) -> None:
    service, transfer = town_anywhere.service, paid(town_anywhere)
    sealed(service)
    by_reference = service.get("auditor", f"/ledger/proofs/{transfer['reference']}")
    assert by_reference.status_code == 200, by_reference.text
    assert service.get("auditor", f"/ledger/proofs/{transfer['id']}").json() == by_reference.json()


def test_a_proof_is_for_the_parties_the_bureau_and_the_auditor_and_there_is_none_for_others(town: Town) -> None:
    service, transfer = town.service, paid(town)
    sealed(service)
    other = service.done("zhang", "/institutions", institution(2, "邻家书法"))["id"]
    service.hire("other school", "institution", other)
    child = {"name": "小红", "guardian_name": "李雷", "mobile": "13900000000"}
    service.hire("other family", "family", service.done("other school", "/students", child)["guardian_id"])
    asked = f"/ledger/proofs/{transfer['reference']}"
    allowed = {who: service.get(who, asked).status_code for who in service.tokens}
    ours = {"zhang", "li", "auditor", "school", "family"}
    wanted = dict.fromkeys(ours, 200) | {"other family": 404, "other school": 404, "teller": 403}
    assert allowed == wanted
    nothing = service.get("other family", "/ledger/proofs/nothing").json()
    theirs = service.get("other family", asked).json()
    assert {**theirs, **dict.fromkeys(("detail", "detail_zh", "key"))} == {
        **nothing,
        **dict.fromkeys(("detail", "detail_zh", "key")),
    }, "as if it did not exist"
    assert service.get("family", "/ledger/head").status_code == 403


def test_what_is_not_sealed_yet_says_when_to_ask_again(town_anywhere: Town) -> None:
    service = town_anywhere.service
    assert service.get("auditor", "/ledger/head").status_code == 404
    transfer = paid(town_anywhere)
    answer = service.get("family", f"/ledger/proofs/{transfer['reference']}")
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["type"] == "/problems/not-sealed-yet"
    assert (problem["transfer"], problem["seconds"]) == (transfer["reference"], 10)
    assert "every 10 seconds" in problem["detail"]
    assert "10 秒" in problem["detail_zh"]


@pytest.mark.parametrize("key", ["%00", "nobody", "0", "-1", "9" * 40, "%ED%A0%80", "a/b/c", "1e3", "１"])
def test_a_transfer_that_was_never_there_is_unknown(anywhere: Service, key: str) -> None:
    answer = anywhere.get("auditor", f"/ledger/proofs/{key}")
    assert answer.status_code == 404, answer.text


def test_books_that_were_touched_prove_nothing_and_say_so(town: Town) -> None:
    service, transfer = town.service, paid(town)
    sealed(service)
    sqlite = service.engine.dialect.name == "sqlite"
    unguard = "DROP TRIGGER ledger_transfer_no_update" if sqlite else "ALTER TABLE ledger_transfer DISABLE TRIGGER USER"
    with transaction(service.engine) as db:
        db.execute(text(unguard))
        db.execute(text("UPDATE ledger_transfer SET amount = amount + 1"))
    answer = service.get("auditor", f"/ledger/proofs/{transfer['reference']}")
    assert answer.status_code == 409
    assert "audit names what changed" in answer.json()["detail"]


def test_the_running_service_seals_and_sums_by_itself_and_stops_with_its_last_request(engine: Engine) -> None:
    with transaction(engine) as db:
        opened(db)
        post_all(db, [PAYMENT], now=NOW)
    app = create_app(engine, rulebook=Rulebook.load(), settings=Settings(seal_seconds=1), clock=lambda: NOW)
    before, until = _in_background(), time.monotonic() + 30
    with TestClient(app):
        while not (done := _done(engine)) and time.monotonic() < until:
            time.sleep(0.05)
        assert done == {"block": 1, "movements": 4}, "of two accounts, by day and by month"
        assert len(_in_background() - before) == 1
    assert _in_background() == before


def _in_background() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if each.name == "background"}


def _done(engine: Engine) -> dict[str, int]:
    """What was made of the transfers so far; nothing until all of it is."""
    with snapshot(engine) as db:
        head, movements = blocks.head(db), db.execute(select(func.count()).select_from(movement)).scalar_one()
    return {"block": head.header.number, "movements": movements} if head is not None and movements else {}
