"""A finding: one fact that a rule does not allow, in words that can be shown to a family, a bureau or a court."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from escrow.rules.rule import Rule


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A breach of one rule by one fact (违规线索).

    `fact` names the fact, not the look at it: "contract:123", so that a second look adds evidence and no second
    alert. `limit` and `found` are the two figures with their unit; `zh` and `en` are whole sentences that quote
    both, the rule's version and its citation. Evidence holds the figures the arithmetic used; money in fen.
    """

    rule: Rule
    fact: str
    limit: str
    found: str
    zh: str
    en: str
    evidence: Mapping[str, str | int | Sequence[str] | Sequence[int]] = field(hash=False)
