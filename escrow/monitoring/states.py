"""The life of an alert: which state it can be in, and which moves lead out of each. No database."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from escrow.refusals import Conflict

State = Literal["open", "acknowledged", "investigating", "rectification_ordered", "escalated", "resolved", "dismissed"]
Move = Literal[
    "acknowledge",
    "investigate",
    "order_rectification",
    "escalate",
    "resolve",
    "hand_over",
    "propose_dismissal",
    "approve_dismissal",
    "reject_dismissal",
    "explain",
]

IN_CHINESE: Final[Mapping[str, str]] = {
    "open": "待受理",
    "acknowledged": "已受理",
    "investigating": "调查中",
    "rectification_ordered": "责令整改中",
    "escalated": "已上报移交",
    "resolved": "已办结",
    "dismissed": "已排除",
    "acknowledge": "受理",
    "investigate": "立案调查",
    "order_rectification": "责令限期整改",
    "escalate": "上报移交",
    "resolve": "办结",
    "hand_over": "转交经办人",
    "propose_dismissal": "提请排除",
    "approve_dismissal": "批准排除",
    "reject_dismissal": "退回排除意见",
    "explain": "差异查明办结",
    "notice": "一般",
    "serious": "较重",
    "grave": "严重",
}
"""States, moves and severities as the bureau's clerks call them."""

UNTOUCHED: Final[tuple[State, ...]] = ("open", "acknowledged")
"""Where nobody has begun to look into it: the watch itself may close it when what it rests on is explained ("explain").
Nobody else makes that move."""

_AT_WORK: Final[tuple[State, ...]] = ("acknowledged", "investigating", "rectification_ordered", "escalated")

_LEAVES: Final[Mapping[Move, tuple[State, ...]]] = {
    "acknowledge": ("open",),
    "investigate": ("acknowledged",),
    # Again too: what was not put right by its deadline can be ordered anew, with a notice of its own.
    "order_rectification": ("investigating", "rectification_ordered"),
    "escalate": ("acknowledged", "investigating", "rectification_ordered"),
    "resolve": _AT_WORK,
    "hand_over": _AT_WORK,
    "propose_dismissal": _AT_WORK,
}
_ON_A_PROPOSAL: Final[tuple[Move, ...]] = ("hand_over", "approve_dismissal", "reject_dismissal")
"""What can be done while a proposal to dismiss waits: it is decided before anything else happens."""


class ImpossibleMove(Conflict):
    """The alert {key} is {state}{waiting}: it cannot be taken by "{move}". Possible now: {possible}."""

    zh = "预警 {key} 的状态为「{state_zh}」{waiting_zh}，不能{move_zh}。当前可以办理：{possible_zh}。"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an alert stands: its state, and whether a proposal to dismiss it waits for a second pair of eyes."""

    state: State
    proposed: bool

    @property
    def possible(self) -> tuple[Move, ...]:
        """The moves that can be made now; none once the alert is closed."""
        if self.proposed and self.state != "dismissed":
            return _ON_A_PROPOSAL
        return tuple(move for move, states in _LEAVES.items() if self.state in states)

    def must_allow(self, move: Move, key: int) -> None:
        """Raises ImpossibleMove, which says what is possible instead."""
        if move in self.possible:
            return
        waiting = self.proposed and self.state != "dismissed"
        raise ImpossibleMove(
            key=key,
            state=self.state,
            state_zh=IN_CHINESE[self.state],
            waiting=" and a proposal to dismiss it waits for a decision" if waiting else "",
            waiting_zh="，且有排除意见待批" if waiting else "",
            move=move,
            move_zh=IN_CHINESE[move],
            possible=", ".join(self.possible) or "nothing, it is closed",
            possible_zh="、".join(IN_CHINESE[each] for each in self.possible) or "无（已结案）",
        )
