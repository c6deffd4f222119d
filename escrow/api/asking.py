"""Who asks, and what may be done with it: a look at the books, or one act in one transaction under its key."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Header, Request
from fastapi.responses import Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError

from escrow.access import answers, keys
from escrow.access.answers import Answer
from escrow.access.caller import Caller, Role
from escrow.api.desk import AtDesk, Desk
from escrow.api.problems import MEDIA_TYPE, RefusedByTheDatabase, Unauthenticated, problem_of
from escrow.refusals import Refusal
from escrow.rules.rulebook import Rulebook
from ledger.entries import LedgerRefusal
from reconciliation.statement import StatementRefused

T = TypeVar("T")

REPLAYED: Final = "Idempotency-Replayed"

_REFUSALS: Final = (Refusal, StatementRefused, LedgerRefusal)
_KEY: Final = "^[!-~]{1,255}$"
_KEY_IS: Final = (
    "Names this one request. The same request again under the same key has no second effect and gets the same bytes, "
    "a refusal too; another request under it is refused."
)

RequiredKey = Annotated[str, Header(alias="Idempotency-Key", pattern=_KEY, description=_KEY_IS)]
OptionalKey = Annotated[str | None, Header(alias="Idempotency-Key", pattern=_KEY, description=_KEY_IS)]

_bearer = HTTPBearer(
    auto_error=False, scheme_name="ApiKey", description="`Authorization: Bearer te_…`, made by `escrow keys issue`."
)


class Asking:
    """A dependency: the caller whose API key came with the request, if it has one of these roles."""

    def __init__(self, *roles: Role) -> None:
        self.roles = roles

    def __call__(self, desk: AtDesk, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Caller:
        """Raises Unauthenticated, Forbidden."""
        by = None if given is None else desk.read(lambda db: keys.caller_of(db, given.credentials))
        if by is None:
            raise Unauthenticated
        by.must_be(*self.roles)
        return by


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look at the books by somebody who may: `look(lambda db: …)` reads one snapshot."""

    desk: Desk
    by: Caller

    def __call__(self, read: Callable[[Connection], T]) -> T:
        return self.desk.read(read)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One command of one caller. `by.key` is its Idempotency-Key, empty when it came without."""

    desk: Desk
    by: Caller
    now: datetime
    fingerprint: str

    @property
    def rulebook(self) -> Rulebook:
        return self.desk.rulebook

    def __call__(self, do: Callable[[Connection], BaseModel], *, status: int = 200) -> Response:
        """Claim the key, do it, keep the answer, commit; only then is there a response.

        A refusal undoes what was done and is kept under the key like a success: a late repeat gets it again.
        """
        given, repeated = self.desk.write(lambda db: self._answer(db, do, status))
        return Response(
            given.body,
            status_code=given.status,
            media_type=MEDIA_TYPE if given.status >= HTTPStatus.BAD_REQUEST else "application/json",
            headers={REPLAYED: "true"} if repeated else None,
        )

    def on(self, *content: bytes) -> "Act":
        """The same act, told apart by this content of its request."""
        return replace(self, fingerprint=_digest(self.fingerprint.encode("ascii"), *content))

    def _answer(self, db: Connection, do: Callable[[Connection], BaseModel], status: int) -> tuple[Answer, bool]:
        if not self.by.key:
            return _done(db, do, status), False
        before = answers.claim(db, self.by, fingerprint=self.fingerprint, now=self.now)
        if before is not None:
            return before, True
        given = _done(db, do, status)
        answers.keep(db, self.by, given)
        return given, False


def looking(*roles: Role) -> Callable[..., Look]:
    """A dependency: a look at the books for callers of these roles."""

    def look(desk: AtDesk, by: Annotated[Caller, Depends(Asking(*roles))]) -> Look:
        return Look(desk=desk, by=by)

    return look


def acting(*roles: Role) -> Callable[..., Awaitable[Act]]:
    """A dependency: an act of callers of these roles that moves no money; an Idempotency-Key may come with it."""

    async def act(
        request: Request, desk: AtDesk, by: Annotated[Caller, Depends(Asking(*roles))], key: OptionalKey = None
    ) -> Act:
        return _act(desk, replace(by, key=key or ""), request, await request.body())

    return act


def moving_money(*roles: Role) -> Callable[..., Awaitable[Act]]:
    """A dependency: an act of callers of these roles that moves money, so an Idempotency-Key must come with it."""

    async def act(
        request: Request, desk: AtDesk, by: Annotated[Caller, Depends(Asking(*roles))], key: RequiredKey
    ) -> Act:
        return _act(desk, replace(by, key=key), request, await request.body())

    return act


def moving_money_by_form(*roles: Role) -> Callable[..., Act]:
    """Like `moving_money` for a form, whose bytes differ at each sending: the route tells its content by `Act.on`."""

    def act(request: Request, desk: AtDesk, by: Annotated[Caller, Depends(Asking(*roles))], key: RequiredKey) -> Act:
        return _act(desk, replace(by, key=key), request)

    return act


def _act(desk: Desk, by: Caller, request: Request, *content: bytes) -> Act:
    path = request.scope["path"].encode("utf-8", "backslashreplace")
    fingerprint = _digest(request.method.encode("ascii"), path, *content)
    return Act(desk=desk, by=by, now=desk.clock(), fingerprint=fingerprint)


def _digest(*parts: bytes) -> str:
    """SHA-256 over the parts, each behind its length so that no two lists run together."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.hexdigest()


def _done(db: Connection, do: Callable[[Connection], BaseModel], status: int) -> Answer:
    for _ in range(2):
        try:
            with db.begin_nested():
                shown = do(db)
            return Answer(status=status, body=shown.model_dump_json().encode("utf-8"))
        except _REFUSALS as refusal:
            problem = problem_of(refusal)
            break
        except (IntegrityError, DataError):
            # Perhaps somebody has written the same meanwhile: then a second look finds it and says what to do.
            problem = problem_of(RefusedByTheDatabase())
    return Answer(status=problem.status, body=problem.body)
