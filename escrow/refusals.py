"""How this service says no: what was wrong, what is allowed, under which rule, and what to do."""

import re
from collections.abc import Mapping
from string import Formatter
from typing import Any, ClassVar, Final

IN_CHINESE: Final[Mapping[str, str]] = {
    "family": "家长",
    "institution": "机构",
    "bank": "银行",
    "bureau": "教育局",
    "auditor": "审计",
    "course": "课程",
    "student": "学员",
    "contract": "合同",
    "order": "订单",
    "payment": "到账记录",
    "lesson": "课次",
    "statement": "对账单",
    "release request": "拨付申请",
    "refund": "退费",
    "roster": "名册",
    "closure": "终止办学",
    "proposal": "处理意见",
    "payout batch": "付款批次",
    "alert": "预警",
    "taking": "账户外收款",
    "complaint": "投诉",
    "notice": "限期整改通知书",
    "subscriber": "订阅",
    "delivery": "推送",
    "transfer": "分录",
    "block": "区块",
    "open": "正常",
    "closing": "终止办学中",
    "closed": "已终止办学",
    "requested": "待审批",
    "approved": "已批准",
    "half_approved": "已获一方批准",
    "rejected": "已驳回",
    "proposed": "待审批",
    "recorded": "待确认",
    "confirmed": "已确认",
    "disputed": "有争议",
    "struck": "已撤销",
    "placed": "已入合同",
    "suspense": "待查",
    "returning": "退回中",
    "returned": "已退回",
    "bounced": "付款失败，可重新申请",
    "withdrawn": "已撤回",
    "instructed": "待发送银行",
    "sent": "已发送银行",
    "settled": "已付出",
    "paid": "已支付",
    "cancelled": "已取消",
    "payout": "付款指令",
    "correction": "收款账户更正",
    "reversed": "已冲正",
    "match": "勾对",
    "line": "流水",
    "match proposal": "勾对建议",
    "break": "差异",
    "signed day": "日终签核",
    "reopening": "重开申请",
    "balance confirmation": "余额确认",
    "entered": "待审批",
    "write-off limit": "核销限额",
    "declined": "已驳回",
    "lapsed": "已失效",
    "undone": "已撤销",
    "acknowledged": "处理中",
    "resolved": "已解决",
    "dismissed": "已排除",
    "upheld": "属实",
    "unfounded": "不属实",
    "swept": "已归集",
    "waiting": "待推送",
    "delivered": "已送达",
    "dead": "推送失败",
}
"""The words that a refusal's facts are told in, for the Chinese sentence."""

_OUR_WORDS: Final = {"who", "what", "state"}


class Refusal(Exception):
    """A command that cannot go on; nothing has happened.

    Each subclass is one reason. Its docstring is the English sentence, `zh` the Chinese one; both are templates
    over the facts given when it is raised. `slug` is the stable name that programs rely on.
    """

    zh: ClassVar[str] = "无法办理。"
    slug: ClassVar[str] = "refusal"

    def __init_subclass__(cls) -> None:
        cls.slug = re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        super().__init__(self.english)

    @property
    def english(self) -> str:
        return Formatter().vformat(" ".join((self.__doc__ or "").split()), (), self.facts)

    @property
    def chinese(self) -> str:
        return Formatter().vformat(self.zh, (), self.facts | self._words())

    def _words(self) -> dict[str, Any]:
        """The facts that are our own words, in Chinese. A name or a reason is somebody's and stays as it is."""
        return {name: IN_CHINESE.get(self.facts[name], self.facts[name]) for name in _OUR_WORDS & self.facts.keys()}


class Unknown(Refusal):
    """There is no {what} {key} here, or it is not yours to see."""

    zh = "没有找到{what} {key}，或您无权查看。"


class Invalid(Refusal):
    """What was sent cannot be used as it stands; each subclass says which part."""


class Conflict(Refusal):
    """What was asked contradicts what the books already say; each subclass says what they say."""


class Forbidden(Refusal):
    """{who} may not do this; it is for {allowed}."""

    zh = "{who}无权办理此事项；应由{allowed_zh}办理。"


class FourEyes(Conflict):
    """Who asks never approves: {name} made this {what}; somebody else must decide it."""

    zh = "经办与审批不得为同一人：本{what_zh}由 {name} 提交，须由他人审批。"


class AlreadyDecided(Conflict):
    """The {what} {key} is {state}; that cannot be changed by this."""

    zh = "{what_zh} {key} 的状态为 {state}，不能再作此处理。"


class NotSealedYet(Conflict):
    """The transfer {transfer} stands in the books and is not sealed by that head. The newest transfers are sealed every
    {seconds} seconds: ask again after that, or without a head."""

    zh = "分录 {transfer} 已记账，但尚未封入该链头。系统每 {seconds} 秒封存一次新分录，请稍后再取，或不指定链头。"


class ReasonMissing(Invalid):
    """A dispute, a rejection or a decision needs a reason that the others can read."""

    zh = "请填写理由，供对方查阅。"
