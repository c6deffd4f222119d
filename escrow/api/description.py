"""What /openapi.json says beyond the shapes: the refusals of each route by their slugs, the tags, the introduction."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from fastapi import FastAPI

from escrow.access.answers import IdempotencyKeyReused
from escrow.api.problems import (
    MEDIA_TYPE,
    DatabaseUnavailable,
    DoesNotFitTheSchema,
    IdempotencyKeyMalformed,
    IdempotencyKeyRequired,
    Unauthenticated,
    status_of,
    title,
)
from escrow.refusals import Forbidden, Refusal
from reconciliation.statement import StatementRefused

Kind: TypeAlias = type[Refusal] | type[StatementRefused]
Responses: TypeAlias = dict[int | str, dict[str, Any]]

TITLE: Final = "Tuition Escrow 校外培训预收费监管"

INTRODUCTION: Final = """
The books of supervised prepaid tuition (预收费资金监管): families pay into an institution's supervised account, each
lesson that was taught and confirmed is earned, and once a month the earned part is released.

**Amounts** are strings in major units with their currency, `{"amount": "1280.00", "currency": "CNY"}`; nothing is ever
rounded. **Times** carry their zone; days and months are those of Asia/Shanghai. **Ids** are integers.

**Keys.** Callers send `Authorization: Bearer te_…`. What belongs to others looks as if it did not exist.

**Repeats.** Every POST that moves money needs an `Idempotency-Key`; every other POST takes one. The same request again
under the same key has no second effect and gets the same bytes (with `Idempotency-Replayed: true`), also when the
answer was a refusal. An answer leaves only after its transaction was committed. After a 503, a 500 or no answer at
all, repeat the request under the same key.

**Refusals** are problems (RFC 9457, `application/problem+json`) with a stable `type`, a sentence in English (`detail`)
and in Chinese (`detail_zh`), and the facts as members of their own. Nothing has happened when one is told.

**Lists** are paged: take `next` as `after` until it is null.
"""

TAGS: Final = [
    {"name": "institutions 机构", "description": "Who may teach, where and at what published price."},
    {"name": "contracts 合同", "description": "Students, contracts, payment orders and their codes."},
    {"name": "bank 银行", "description": "The bank's signed word, its statements, and the files for it."},
    {"name": "lessons 课时", "description": "What was taught, and whether the family agrees."},
    {"name": "payouts 拨付与退费", "description": "Releases, refunds, closures, and money that is nobody's yet."},
    {"name": "alerts 预警", "description": "Broken fee rules, each with its version and citation."},
    {"name": "rules 规则", "description": "The law as data: values, days, citations, by place. Open to all."},
    {"name": "ledger 账簿", "description": "The double-entry books, for the auditor."},
    {"name": "operations 运行", "description": "Whether the service lives, and a few counts."},
]

INSTITUTIONS, CONTRACTS, BANK, LESSONS, PAYOUTS, ALERTS, RULES, LEDGER, OPERATIONS = (each["name"] for each in TAGS)

_PROBLEM: Final = {
    "type": "object",
    "title": "Problem 问题详情",
    "description": "RFC 9457. What the refusal knows besides stands in members of its own.",
    "required": ["type", "title", "status", "detail", "detail_zh"],
    "additionalProperties": True,
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Stable: programs may rely on it."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong, what is allowed, what to do. English."},
        "detail_zh": {"type": "string", "description": "中文说明"},
    },
}


def may_refuse(*reasons: Kind, keyed: bool = False, public: bool = False) -> Responses:
    """The `responses` of a route: its own reasons to refuse, and those that every such route has.

    `keyed`: an Idempotency-Key is required. `public`: no API key is asked for.
    """
    common: list[Kind] = [DoesNotFitTheSchema, DatabaseUnavailable]
    if not public:
        common += [Unauthenticated, Forbidden]
    if keyed:
        common += [IdempotencyKeyRequired, IdempotencyKeyMalformed, IdempotencyKeyReused]
    by_status: dict[int, list[Kind]] = {}
    for reason in (*reasons, *common):
        by_status.setdefault(status_of(reason), []).append(reason)
    return {status: _response(status, kinds) for status, kinds in sorted(by_status.items())}


def described(app: FastAPI, shapes: Mapping[str, Any]) -> dict[str, Any]:
    """The OpenAPI description, with the shape of problems and these `shapes` in it."""
    schema = FastAPI.openapi(app)
    schema["components"]["schemas"] |= {**shapes, "Problem": _PROBLEM}
    return schema


def file(media_type: str, told: str, **also: str) -> Responses:
    """The answer of a route that gives a file."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}, **also}}
    return {200: {"description": told, "content": content}}


def _response(status: int, kinds: Iterable[Kind]) -> dict[str, Any]:
    told = {kind.slug: _sentence(kind) for kind in kinds}
    return {
        "description": "\n".join(
            [HTTPStatus(status).phrase, "", *(f"- `{slug}`: {text}" for slug, text in told.items())]
        ),
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {slug: {"value": _example(slug, status, text)} for slug, text in told.items()},
            }
        },
    }


def _example(slug: str, status: int, text: str) -> dict[str, Any]:
    return {"type": f"/problems/{slug}", "title": title(slug), "status": status, "detail": text, "detail_zh": "……"}


def _sentence(kind: Kind) -> str:
    """The kind's own docstring, which is the sentence that callers get, its facts still in braces."""
    return " ".join((kind.__doc__ or "").split()).replace("{{", "{").replace("}}", "}")
