"""A day's work on the books, and a process that has children do it: each kills itself at its n-th event.

`python -m tests.ledger.killed URL` reads a line for each child from the standard input (`NAME POINT`, 0: do not die)
and answers each with how that child ended, as JSON. It is a process of its own because a fork takes over the locks
that other threads hold at that moment, and a test run has such threads; and because a small one forks quickly.
"""

import gc
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, Engine, event

import ledger
from escrow.db import open_engine, transaction
from ledger.accounts import limit
from ledger.entries import Limits, Resolution, Transfer
from ledger.expiring import expire
from ledger.group_commit import GroupCommit
from ledger.posting import post, post_all, post_columns
from ledger.splitting import Split, split
from tests.ledger.books import BANK, DAY, EARNED, LESSON, NOW, OTHER, PREPAID, as_columns, payments

ROOT: Final = Path(__file__).resolve().parents[2]

_WATCHED: Final = tuple(str(Path(each.__file__ or "").parent) + os.sep for each in (ledger, psycopg))

Act = Callable[[Connection], object]


@dataclass
class Fuse:
    """Counts the events of this process and kills it at the one given; 0: only counts them.

    An event is an entry into or a return from a function of the ledger or of the driver, or (on SQLite, where they run
    in this process) a statement, those inside triggers among them.
    """

    at: int
    seen: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def burn(self, *_: object) -> None:
        with self._lock:
            self.seen += 1
            if self.seen == self.at:
                os.kill(os.getpid(), signal.SIGKILL)

    def profile(self, frame: Any, what: str, called: Any) -> None:
        if what in ("call", "return"):
            if frame.f_code.co_filename.startswith(_WATCHED):
                self.burn()
        elif isinstance(getattr(called, "__self__", None), sqlite3.Connection | sqlite3.Cursor):
            self.burn()


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a child ended: what it had been told by then, each after how many events, and how many there were in all."""

    told: dict[str, int]
    events: int | None
    """None: it was killed."""


def acts(name: str) -> dict[str, tuple[Act, set[str]]]:
    """The transactions of one day's work, in order, and the references that each leaves. All begin with `name`."""
    lessons = [replace(LESSON, amount=2, reference=f"{name}/lesson-{each}") for each in range(31)]
    holds = [
        replace(LESSON, amount=9, hold=True, reference=f"{name}/hold-{each}", expires=NOW + DAY, on_expiry="settle")
        for each in range(2)
    ]
    end = Resolution(
        hold=holds[0].reference, phase="settled", amount=4, reference=f"{name}/end", effective=NOW, kind="end"
    )
    parts = Split(
        debit=PREPAID,
        credit=[EARNED, OTHER, EARNED],
        weights=[1, 2, 1],
        amount=7,
        reference=f"{name}/split",
        kind="bonus",
        effective=NOW,
    )
    paid = list(payments(3, prefix=f"{name}/pay"))
    many = list(payments(31, prefix=f"{name}/many"))
    return {
        "a batch": (partial(post, requests=paid, now=NOW), _references(paid)),
        "a batch as one": (partial(post_all, requests=lessons, now=NOW), _references(lessons)),
        "holds": (partial(post_all, requests=holds, now=NOW), _references(holds)),
        "the end of one": (partial(post_all, requests=[end], now=NOW), {end.reference}),
        "a split": (partial(split, asked=parts, now=NOW), {f"{name}/split/{each}" for each in (1, 2, 3)}),
        "columns": (partial(post_columns, columns=as_columns(many), now=NOW), _references(many)),
        "other limits": (partial(limit, path=BANK, limits=limits_of(name), why=name, now=NOW), set()),
        "an expiry": (partial(expire, now=NOW + DAY), {f"expiry/{holds[1].reference}"}),
    }


def limits_of(name: str) -> Limits:
    """Other ones every day."""
    return Limits(ceiling=10**12 + int(name.removeprefix("day-")))


def singles(name: str) -> list[Transfer]:
    """What the day also books one by one."""
    return list(payments(4, prefix=f"{name}/single"))


@contextmanager
def children(url: str) -> Iterator[Callable[[str, int], Ended]]:
    """What has a child do the day of this name and die at this point, in these books."""
    with subprocess.Popen(
        [sys.executable, "-m", __name__, url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        asking, answering = parent.stdin, parent.stdout
        assert asking is not None
        assert answering is not None

        def child(name: str, at: int) -> Ended:
            print(name, at, file=asking, flush=True)
            answer = answering.readline()
            assert answer, f"the work failed on {name}; why stands above"
            return Ended(**json.loads(answer))

        try:
            yield child
        finally:
            asking.close()


def _references(asked: list[Transfer]) -> set[str]:
    return {each.reference for each in asked}


def _work(engine: Engine, name: str, fuse: Fuse, told: Callable[[str], object]) -> None:
    """The day's work. `told` hears of what is done once it is committed."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.set_trace_callback(fuse.burn))
    threading.setprofile(fuse.profile)
    sys.setprofile(fuse.profile)
    for act, (do, _) in acts(name).items():
        with transaction(engine) as db:
            do(db)
        told(act)
    with GroupCommit(partial(transaction, engine)) as group:
        answers = [group.submit(each, now=NOW) for each in singles(name)]
        for each in answers:
            told(each.result().reference)
    sys.setprofile(None)
    threading.setprofile(None)


def _child(engine: Engine, name: str, at: int) -> Ended:
    """Do the work in a fork of this process, which is warm at once and holds no connection."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            fuse = Fuse(at)
            _work(engine, name, fuse, lambda what: os.write(writing, f"{fuse.seen} {what}\n".encode()))
            os.write(writing, f"{fuse.seen} the end\n".encode())
            status = 0
        finally:
            os._exit(status)  # the ends of a process are its parent's
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = {what: int(seen) for seen, what in (line.rstrip("\n").split(" ", 1) for line in pipe)}
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return Ended(told=told, events=None)
    assert status == 0, f"the work failed after {told}"
    return Ended(events=told.pop("the end"), told=told)


def _serve(url: str) -> None:
    engine = open_engine(url)
    for do, _ in acts("day-1000").values():  # once here, so that every child finds its statements compiled
        with transaction(engine) as db:
            do(db)
    engine.dispose()
    gc.collect()
    gc.freeze()  # a child's own collections would copy every page that they touch
    for line in sys.stdin:
        name, at = line.split()
        print(json.dumps(asdict(_child(engine, name, int(at)))), flush=True)  # noqa: T201  its answer


if __name__ == "__main__":
    _serve(sys.argv[1])
