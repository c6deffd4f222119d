"""Problems: how every refusal is told, in Chinese and English, with its facts. RFC 9457, application/problem+json."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from escrow.refusals import Conflict, Forbidden, Invalid, Refusal, Unknown
from escrow.rules.rulebook import NoRuleInForce, UnknownJurisdiction
from escrow.rules.working_days import CalendarUnknown
from ledger.entries import LedgerRefusal
from reconciliation.statement import StatementRefused

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = 5

_KEY_HEADER: Final = ("header", "idempotency-key")


class AtTheDoor(Refusal):
    """A refusal of the entrance itself; each subclass has its HTTP status."""

    status: ClassVar[int] = 400
    headers: ClassVar[Mapping[str, str]] = {}


class Unauthenticated(AtTheDoor):
    """This needs an API key that is known here and not revoked. Send it as "Authorization: Bearer te_…"."""

    zh = "请提供有效的接口密钥：Authorization: Bearer te_…"
    status = 401
    headers: ClassVar = {"WWW-Authenticate": 'Bearer realm="tuition-escrow"'}


class SignatureNotBelieved(AtTheDoor):
    """The notification is not believed: {why}. Nothing was booked; send it again, signed as agreed."""

    zh = "通知的签名未通过验证，未作任何入账；请按约定重新签名后发送。"
    status = 401
    headers: ClassVar = {"WWW-Authenticate": 'Webhook-Signature realm="tuition-escrow"'}


class IdempotencyKeyRequired(AtTheDoor):
    """A request that moves money needs the header Idempotency-Key, so that it can be repeated without moving it twice.
    Choose a new one for each request, such as a UUID."""

    zh = "资金类请求须带 Idempotency-Key 请求头（例如 UUID），以便重发时不会重复处理。"


class IdempotencyKeyMalformed(AtTheDoor):
    """An Idempotency-Key has 1 to 255 printable ASCII characters and no space."""

    zh = "Idempotency-Key 须为 1 至 255 个可打印的 ASCII 字符，不含空格。"


class MalformedRequest(AtTheDoor):
    """The request cannot be read: {why}."""

    zh = "无法读取请求内容。"


class NoSuchPlace(AtTheDoor):
    """There is nothing at this address. The addresses are listed in /openapi.json."""

    zh = "该地址不存在；全部地址见 /openapi.json。"
    status = 404


class MethodNotAllowed(AtTheDoor):
    """This address does not take this method; the header Allow names those it takes."""

    zh = "该地址不支持此请求方法，可用方法见 Allow 响应头。"
    status = 405


class BodyTooLarge(AtTheDoor):
    """The request is larger than is read here. Send it in parts; a statement can be exported for a shorter period."""

    zh = "请求内容过大，请分批发送；对账单可缩短导出期间。"
    status = 413


class DoesNotFitTheSchema(AtTheDoor):
    """The request does not have the form that /openapi.json describes; `errors` says where. Nothing was done."""

    zh = "请求内容不符合接口规范，出错位置见 errors；未作任何处理。"
    status = 422


class RefusedByTheDatabase(Conflict):
    """The database itself refused what was asked: it would contradict what the books hold. Nothing was done."""

    zh = "该请求与账簿中已有记录相矛盾，数据库拒绝写入；未作任何处理。"


class RuleMissing(AtTheDoor):
    """The service cannot decide this yet: {why}. Nothing was done; repeat it after that."""

    zh = "缺少办理所需的现行规则或工作日历，暂时无法办理；未作任何处理，补齐后请重发。详情：{why}"
    status = 503
    headers: ClassVar = {"Retry-After": "3600"}


class DatabaseUnavailable(AtTheDoor):
    """The books cannot be reached at the moment. Repeat the request, under the same Idempotency-Key, in a while."""

    zh = "账簿数据库暂时无法访问，请稍后使用同一幂等键重发。"
    status = 503
    headers: ClassVar = {"Retry-After": str(RETRY_AFTER_SECONDS)}


class NotReady(AtTheDoor):
    """The service does not take requests: {why}."""

    zh = "服务未就绪：{why}"
    status = 503
    headers: ClassVar = {"Retry-After": str(RETRY_AFTER_SECONDS)}


class InternalError(AtTheDoor):
    """Something is wrong in this service. Whether the request had an effect is told when it is repeated under the same
    Idempotency-Key."""

    zh = "服务内部出错；请使用同一幂等键重发，以确认请求是否已处理。"
    status = 500


_STATUS: Final[tuple[tuple[type[Refusal], int], ...]] = (
    (Unknown, 404),
    (Forbidden, 403),
    (Conflict, 409),
    (Invalid, 422),
)

_HTTP: Final[Mapping[int, type[AtTheDoor]]] = {404: NoSuchPlace, 405: MethodNotAllowed, 413: BodyTooLarge}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A problem details object (问题详情). `facts` become extension members of it."""

    slug: str
    status: int
    detail: str
    detail_zh: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        members = {
            "type": f"/problems/{self.slug}",
            "title": title(self.slug),
            "status": self.status,
            "detail": self.detail,
            "detail_zh": self.detail_zh,
        }
        told = json.dumps(dict(self.facts) | members, ensure_ascii=False, default=str)
        # Half a surrogate pair cannot be written in UTF-8; its escape is the JSON that stood for it when it came.
        return told.encode("utf-8", "backslashreplace")

    def response(self, headers: Mapping[str, str]) -> Response:
        """The problem as an answer, with these headers besides its own."""
        return Response(self.body, self.status, headers={**headers, **self.headers}, media_type=MEDIA_TYPE)


def title(slug: str) -> str:
    """The title of a kind of problem: "outside-release-window" is called "Outside release window"."""
    return slug.replace("-", " ").capitalize()


def status_of(kind: type[Refusal | StatementRefused | LedgerRefusal]) -> int:
    """The HTTP status of a kind of refusal."""
    if issubclass(kind, AtTheDoor):
        return kind.status
    if issubclass(kind, StatementRefused):
        return 422
    return next((status for each, status in _STATUS if issubclass(kind, each)), 409)


def problem_of(error: Exception) -> Problem:
    """What an error is to the caller. Everything unforeseen is an internal error that tells nothing of the inside."""
    match error:
        case StatementRefused():
            return Problem(
                slug=error.slug, status=422, detail=str(error), detail_zh=error.chinese, facts=dict(error.facts)
            )
        case LedgerRefusal():
            return Problem(
                slug="ledger-refusal",
                status=409,
                detail=f"The ledger refused: {error}.",
                detail_zh=f"账簿拒绝记账：{error}",
            )
        case RequestValidationError():
            return _misfit(error)
    return _told(error if isinstance(error, Refusal) else _as_refusal(error))


def _told(refusal: Refusal) -> Problem:
    return Problem(
        slug=refusal.slug,
        status=status_of(type(refusal)),
        detail=refusal.english,
        detail_zh=refusal.chinese,
        facts=refusal.facts,
        headers=refusal.headers if isinstance(refusal, AtTheDoor) else {},
    )


def _as_refusal(error: Exception) -> Refusal:
    match error:
        case NoRuleInForce() | CalendarUnknown() | UnknownJurisdiction():
            return RuleMissing(why=str(error))
        case OperationalError() | InterfaceError() | PoolTimeout():
            return DatabaseUnavailable()
        case HTTPException() if error.status_code in _HTTP:
            return _HTTP[error.status_code]()
        case HTTPException():
            return MalformedRequest(why=error.detail)
    return InternalError()


def _misfit(error: RequestValidationError) -> Problem:
    """A request outside the schema: where, and what is wanted there. What came is not repeated, it may be personal."""
    places = [_place(each) for each in error.errors()]
    for each in error.errors():
        if tuple(str(part).lower() for part in each["loc"][:2]) == _KEY_HEADER:
            return _told(IdempotencyKeyRequired() if each["type"] == "missing" else IdempotencyKeyMalformed())
    problem = _told(DoesNotFitTheSchema())
    return Problem(
        slug=problem.slug,
        status=problem.status,
        detail=problem.detail,
        detail_zh=problem.detail_zh,
        facts={"errors": places},
    )


def _place(error: Mapping[str, Any]) -> dict[str, str]:
    if error["type"] == "extra_forbidden":  # its place is the member's name, which is the caller's own text
        return {"at": _path(error["loc"][:-1]), "wanted": "no other member than the schema has"}
    return {"at": _path(error["loc"]), "wanted": str(error["msg"])}


def _path(places: tuple[str | int, ...]) -> str:
    return ".".join(str(each) for each in places)
