"""Proofs of single transfers, checked by a program that imports nothing of ours, in a process of its own."""

import copy
import io
import json
import runpy
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Connection, Engine, text, update

from escrow.db import transaction
from ledger import blocks
from ledger.blocks import head_content
from ledger.posting import post_all
from ledger.proofs import SealBroken, proof, reference_of
from ledger.schema import transfer
from ledger.sealing import Signer, seal
from tests.ledger.books import NOW, opened, payments

PROGRAM: Final = Path(__file__).resolve().parents[2] / "docs" / "verify_receipt.py"
SIGNER: Final = Signer(seed=bytes(range(32)))
KEY: Final = SIGNER.public_key.hex()


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """A database of the test's own: what is sealed must be committed."""
    url: str = request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param])
    return url


@pytest.fixture
def books(engine: Engine) -> Iterator[Connection]:
    """Twenty-nine payments in blocks of three, ten blocks, the last one smaller; and one that is not sealed."""
    with transaction(engine) as db:
        opened(db)
        post_all(db, list(payments(29)), now=NOW)
    with transaction(engine) as db:
        while seal(db, signer=SIGNER, now=NOW, at_once=3):
            pass
    with transaction(engine) as db:
        post_all(db, list(payments(1, prefix="late")), now=NOW)
        yield db


class Checker:
    """`docs/verify_receipt.py`, run on files as a family would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, proven: object, head: object, key: str = KEY) -> subprocess.CompletedProcess[str]:
        files = self.folder / "proof.json", self.folder / "head.json"
        for file, content in zip(files, (proven, head), strict=True):
            file.write_text(json.dumps(content), encoding="utf-8")
        return self.run([str(PROGRAM), *map(str, files), key])

    def run(self, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-I", *arguments]
        return subprocess.run(program, capture_output=True, text=True, check=False, timeout=60)


class CheckerInside(Checker):
    """The same program run in this process: a hundred times, its start would cost more than what it checks."""

    def run(self, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        out, ours, status, said = io.StringIO(), sys.argv, 0, ""
        sys.argv = arguments
        try:
            with redirect_stdout(out):
                runpy.run_path(arguments[0], run_name="__main__")
        except SystemExit as ended:
            status, said = (1, ended.code) if isinstance(ended.code, str) else (int(ended.code or 0), "")
        finally:
            sys.argv = ours
        return subprocess.CompletedProcess(arguments, status, out.getvalue(), said)


@pytest.fixture
def verify(tmp_path: Path) -> Checker:
    return Checker(tmp_path)


@pytest.fixture
def verify_often(tmp_path: Path) -> Checker:
    return CheckerInside(tmp_path)


def proven(db: Connection, reference: str, head: int | None = None) -> dict[str, Any]:
    found = proof(db, reference, head=head)
    assert found is not None
    return found.content


def fields(content: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to every single value in a document."""
    inner = content.items() if isinstance(content, Mapping) else enumerate(content) if isinstance(content, list) else ()
    for name, value in inner:
        yield from fields(value, (*path, name))
        if not isinstance(value, Mapping | list):
            yield (*path, name)


def tampered(content: dict[str, Any], path: tuple[str | int, ...]) -> dict[str, Any]:
    """The document with one value changed a little."""
    changed = copy.deepcopy(content)
    place: Any = changed
    for name in path[:-1]:
        place = place[name]
    old = place[path[-1]]
    place[path[-1]] = old + 1 if isinstance(old, int) else ("0" if old[:1] != "0" else "1") + old[1:]
    return changed


def test_every_transfer_has_a_proof_against_every_head_since_and_none_before(books: Connection) -> None:
    heads = [each.header.number for each, _ in blocks.all_blocks(books)]
    assert heads == list(range(1, 11))
    for number in range(29):
        for head in heads:
            found = proof(books, f"many-{number}", head=head)
            assert (found is None) == (head < number // 3 + 1)
            assert found is None or (len(found.path) <= 2 and len(found.ancestors) <= 4)


def test_what_is_not_sealed_yet_has_no_proof_and_what_is_not_there_is_unknown(books: Connection) -> None:
    assert proof(books, "late-0") is None
    with pytest.raises(KeyError, match="nobody's"):
        proof(books, "nobody's")
    assert reference_of(books, 1) is None


@pytest.mark.parametrize("reference", ["many-0", "many-13", "many-28"])
def test_a_proof_convinces_somebody_who_has_only_the_published_head_and_key(
    books: Connection, verify: Checker, reference: str
) -> None:
    newest = blocks.head(books)
    assert newest is not None
    content = proven(books, reference)
    told = verify(content, head_content(newest))
    assert (told.returncode, told.stderr) == (0, "")
    assert f'"reference": "{reference}"' in told.stdout
    assert content["transfer"]["amount"] == 100


def test_a_proof_against_a_head_of_long_ago(books: Connection, verify: Checker) -> None:
    old = blocks.by_number(books, [6])[6]
    assert verify(proven(books, "many-4", head=6), head_content(old)).returncode == 0
    assert "for another head" in verify(proven(books, "many-4"), head_content(old)).stderr


@pytest.mark.parametrize("reference", ["many-7", "many-28"], ids=["an older block", "the head's own block"])
def test_a_proof_in_which_any_one_value_was_changed_proves_nothing(
    books: Connection, verify_often: Checker, reference: str
) -> None:
    newest = blocks.head(books)
    assert newest is not None
    content, head = proven(books, reference), head_content(newest)
    assert verify_often(content, head).returncode == 0
    for path in fields(content):
        told = verify_often(tampered(content, path), head)
        assert (told.returncode, told.stdout) == (1, ""), path
        assert told.stderr.startswith("NOT PROVEN"), path
    for path in fields(head):
        assert verify_often(content, tampered(head, path)).returncode == 1, path
        both = content | {"head": tampered(head, path)}
        assert verify_often(both, tampered(head, path)).returncode == 1, path


def test_a_proof_with_something_missing_or_added_proves_nothing(books: Connection, verify_often: Checker) -> None:
    newest = blocks.head(books)
    assert newest is not None
    content, head = proven(books, "many-7"), head_content(newest)
    wrong: list[Any] = [{name: value for name, value in content.items() if name != gone} for gone in content]
    wrong += [content | {name: [*content[name], "00" * 32]} for name in ("path", "ancestors")]
    wrong += [content | {name: ["00" * 32, *content[name]]} for name in ("path", "ancestors")]
    wrong += [content | {name: content[name][:-1]} for name in ("path", "ancestors")]
    wrong += [content | {"transfer": content["transfer"] | {"amount": 100.0}}, [], None, "proof"]
    assert verify_often(content, head).returncode == 0
    for each in wrong:
        assert verify_often(each, head).returncode == 1, each


def test_another_key_or_none_proves_nothing(books: Connection, verify: Checker) -> None:
    newest = blocks.head(books)
    assert newest is not None
    content, head = proven(books, "many-7"), head_content(newest)
    for key in (Signer(seed=bytes(range(1, 33))).public_key.hex(), KEY[:-2], "no key"):
        assert verify(content, head, key).returncode == 1


@pytest.mark.parametrize("touched", [{"amount": 1}, {"xact": -1}], ids=["changed", "moved"])
def test_of_a_transfer_that_was_touched_nothing_is_proven(books: Connection, touched: dict[str, int]) -> None:
    sqlite = books.dialect.name == "sqlite"
    unguard = "DROP TRIGGER ledger_transfer_no_update" if sqlite else "ALTER TABLE ledger_transfer DISABLE TRIGGER USER"
    books.execute(text(unguard))
    books.execute(update(transfer).where(transfer.c.reference == "many-9").values(touched))
    with pytest.raises(SealBroken, match="many-9"):
        proof(books, "many-9")
