"""Group commit: requests that come one by one from many threads share a transaction, and so its round trips and fsync.

For a caller whose transaction would hold nothing but the one transfer. Who has more to write posts in a transaction of
its own (ledger.posting).
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self

from sqlalchemy import Connection

from ledger.entries import Request, Result
from ledger.posting import post

MOST: Final = 1_000
"""Requests of one transaction: it stays short, and so does what each of them waits."""


_PATIENCE: Final = timedelta(milliseconds=1)
"""How long one more request is waited for where more are expected: less than a commit takes."""


@dataclass(frozen=True, slots=True)
class _Asked:
    request: Request
    now: datetime
    caller_key: str
    answer: Future[Result] = field(default_factory=Future)


class GroupCommit:
    """A thread that posts what others submit, as much at once as has come while it wrote the last.

    `begin` opens a transaction that commits when its block ends. Use as a context: leaving it writes what was
    submitted, then stops.
    """

    def __init__(self, begin: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._begin = begin
        self._asked: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="group-commit", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._asked.put(None)
        self._thread.join()

    def submit(self, request: Request, *, now: datetime, caller_key: str = "") -> Future[Result]:
        """Its result, once that is committed: created, existed or refused. An error of the database is raised by it."""
        if not self._thread.is_alive():
            raise RuntimeError("nobody posts what is submitted: submit inside the context")
        asked = _Asked(request, now, caller_key)
        asked.answer.set_running_or_notify_cancel()  # from here on it will be posted, and cannot be cancelled
        self._asked.put(asked)
        return asked.answer

    def _work(self) -> None:
        gathered: list[_Asked | None] = []
        while None not in gathered:
            gathered = self._gathered(as_many=len(gathered))
            self._answer([each for each in gathered if each is not None])

    def _gathered(self, *, as_many: int) -> list[_Asked | None]:
        """What has come; and what is just coming, up to as many as came the last time: they have only now been
        answered, and without a moment's patience the first of them would be written alone."""
        gathered, patience = [self._asked.get()], _PATIENCE.total_seconds()
        with suppress(queue.Empty):
            while len(gathered) < MOST:
                gathered.append(self._asked.get(timeout=patience if len(gathered) < as_many else 0))
        return gathered

    def _answer(self, asked: list[_Asked]) -> None:
        if not asked:
            return
        try:
            results = self._post(asked)
        except Exception as error:  # noqa: BLE001  whatever it is, its caller hears it
            if len(asked) == 1:
                asked[0].answer.set_exception(error)
                return
            # One of them may be what the database could not take: it must not take the others with it.
            for each in asked:
                self._answer([each])
            return
        for each, result in zip(asked, results, strict=True):
            each.answer.set_result(result)

    def _post(self, asked: list[_Asked]) -> list[Result]:
        with self._begin() as db:
            return post(
                db,
                [each.request for each in asked],
                now=max(each.now for each in asked),
                caller_key=[each.caller_key for each in asked],
            )
