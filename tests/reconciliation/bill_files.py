"""Merchant bills as the tests need them, written by us as each channel writes them."""

from collections.abc import Sequence
from dataclasses import dataclass

from reconciliation import bill_profiles
from reconciliation.bill_profiles import BillProfile

MERCHANT = "1900000109"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trade:
    """A payment or a refund; fen. The fee is what the channel keeps, below zero what it gives back.

    `number` is what the refund was asked for under; the channel's own id of it where it is left out.
    """

    order: str
    amount: int
    fee: int
    refund: str = ""
    number: str = ""
    goods: str = "学费"
    at: str = "2026-10-08 09:01:02"

    @property
    def transaction(self) -> str:
        """The channel's id, made of the order's."""
        return f"20261008090102{self.order[-6:]:0>6}1"


def profile(name: str) -> BillProfile:
    """A profile by its name."""
    (found,) = (each for each in bill_profiles.known() if each.name == name)
    return found


def yuan(fen: int) -> str:
    """-5 is -0.05."""
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def wechat(trades: Sequence[Trade]) -> str:
    """微信支付交易账单: a backtick before every cell, totals in the last two lines."""
    header = profile("wechat-bill").columns
    rows = []
    for each in trades:
        told = dict.fromkeys(header, "") | {
            "交易时间": each.at,
            "商户号": MERCHANT,
            "微信订单号": each.transaction,
            "商户订单号": each.order,
            "交易状态": "REFUND" if each.refund else "SUCCESS",
            "货币种类": "CNY",
            "应结订单金额": "0.00" if each.refund else yuan(each.amount),
            "代金券金额": "0.00",
            "微信退款单号": each.refund or "0",
            "商户退款单号": each.number or each.refund or "0",
            "退款金额": yuan(each.amount) if each.refund else "0.00",
            "商品名称": each.goods,
            "手续费": f"{yuan(each.fee)}000",
            "费率": "0.60%",
        }
        rows.append(",".join(f"`{cell}" for cell in told.values()))
    paid = sum(each.amount for each in trades if not each.refund)
    back = sum(each.amount for each in trades if each.refund)
    fees = sum(each.fee for each in trades)
    totals = [str(len(trades)), yuan(paid), yuan(back), "0.00", f"{yuan(fees)}000", yuan(paid), yuan(back)]
    closing = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
    return "\r\n".join([",".join(header), *rows, closing, ",".join(f"`{cell}" for cell in totals)]) + "\r\n"


def alipay(trades: Sequence[Trade]) -> str:
    """支付宝业务明细: lines around the rows begin with #, numbers end with a tab."""
    header = profile("alipay-bill").columns
    rows = []
    for each in trades:
        signed = yuan(-each.amount if each.refund else each.amount)
        told = dict.fromkeys(header, "") | {
            "支付宝交易号": f"{each.transaction}\t",
            "商户订单号": f"{each.order}\t",
            "业务类型": "退款\t" if each.refund else "交易\t",
            "商品名称": each.goods,
            "创建时间": each.at,
            "完成时间": each.at,
            "订单金额（元）": signed,
            "商家实收（元）": signed,
            "退款批次号/请求号": f"{each.number or each.refund}\t",
            "服务费（元）": yuan(-each.fee),
        }
        rows.append(",".join(told.values()))
    paid, back = ([each.amount for each in trades if bool(each.refund) is refund] for refund in (False, True))
    return "\r\n".join(
        [
            "#支付宝业务明细查询",
            "#账号：[20885421234560156]",
            "#起始日期：[2026年10月08日 00:00:00]   终止日期：[2026年10月09日 00:00:00]",
            f"#{'-' * 41}业务明细列表{'-' * 40}",
            ",".join(header),
            *rows,
            f"#{'-' * 41}业务明细列表结束{'-' * 36}",
            f"#交易合计：{len(paid)}笔，商家实收共{yuan(sum(paid))}元，商家优惠共0.00元",
            f"#退款合计：{len(back)}笔，商家实收退款共{yuan(-sum(back))}元，商家优惠退款共0.00元",
            "#导出时间：[2026年10月09日 09:00:00]",
            "",
        ]
    )


def unionpay(trades: Sequence[Trade]) -> bytes:
    """银联 ZM: fixed width in bytes of GBK, one blank between fields, amounts in fen; a reserved field at the end."""
    widths = profile("unionpay-zm").widths
    lines = []
    for each in trades:
        settled = (-each.amount if each.refund else each.amount) - each.fee
        told = {
            "交易代码": "S30" if each.refund else "S22",
            "交易传输时间": each.at[5:].translate({ord(mark): None for mark in "- :"}),
            "交易金额": f"{each.amount:012d}",
            "查询流水号": each.transaction if not each.refund else f"20261008{each.refund:0>13}",
            "商户订单号": (each.number if each.refund else "") or each.order,
            "商户手续费": f"{'D' if each.fee >= 0 else 'C'}{abs(each.fee):012d}",
            "结算金额": f"{'C' if settled >= 0 else 'D'}{abs(settled):012d}",
            "交易类型": "04" if each.refund else "01",
            "商户代码": MERCHANT,
            "二级商户简称": each.goods,
        }
        fields = [told.get(name, "").encode("gbk").ljust(width) for name, width in widths.items()]
        lines.append(b" ".join([*fields, b" " * 96]))
    return b"\r\n".join([*lines, b""])
