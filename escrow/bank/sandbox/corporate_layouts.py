"""The corporate exports (企业网银) that this bank can imitate, by bank and vintage."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from escrow.bank.sandbox.corporate_files import Cell, Layout, clock, empty, moment, remark, summary

_OWN_REFERENCE: Final[dict[str, Cell]] = {"用途": lambda _, line: line.remark, "附言": lambda _, line: line.remark}

ICBC_OLD: Final = Layout(
    header=(
        "凭证号|本方账号|对方账号|交易时间|借/贷|借方发生额|贷方发生额|对方行号|摘要|用途|对方单位名称|余额|个性化信息"
    ),
    header_row=3,
    balances=False,
    means=_OWN_REFERENCE,
)
"""With the running balance; the voucher number (凭证号) carries the serial."""

ICBC_NEW: Final = Layout(
    header=("本方账号|对方账号|交易时间|借/贷|金额|凭证号|对方单位|对方行号|用途|摘要|附言|个性化信息"),
    header_row=3,
    balances=False,
    means={**_OWN_REFERENCE, "用途": empty, "凭证号": empty},
)
"""One amount with a flag, no balance; the voucher number stays empty, as for electronic transfers: two equal payments
of one second are two equal rows."""

LAYOUTS: Final[Mapping[str, Layout]] = MappingProxyType(
    {
        "icbc-corporate-old": ICBC_OLD,
        "icbc-corporate-new": ICBC_NEW,
        "ccb-corporate-old": Layout(
            header=(
                "记账日期|交易时间|凭证种类|凭证号|借方发生额/元|贷方发生额/元|余额/元|钞汇标志|对方户名|"
                "对方账号|摘要|备注|账户明细编号-交易流水号|企业流水号|本方账号|本方账户名称|本方账户开户机构"
            ),
            header_row=6,
            file="html",
            newest_first=True,
            means={"凭证号": empty},
        ),
        "ccb-corporate-2026": Layout(
            header=(
                "交易时间|借方发生额/元(支取)|贷方发生额/元(收入)|余额|币种|对方户名|对方账号|对方开户机构|"
                "记账日期|摘要|备注|账户明细编号-交易流水号"
            ),
            header_row=3,
            encoding="utf-8-sig",
        ),
        "abc-corporate-old": Layout(
            header=(
                "交易日期|交易时间戳|收入金额|支出金额|本次余额|手续费总额|交易方式|交易行名|交易类别|"
                "对方省市|对方账号|对方户名|交易说明|交易摘要|交易附言"
            ),
            header_row=1,
        ),
        "abc-corporate-new": Layout(
            header=("交易时间|收入金额|支出金额|账户余额|交易行名|对方省市|对方账号|对方户名|交易用途"),
            header_row=1,
            file="html",
            newest_first=True,
            means={"交易用途": lambda statement, line: remark(statement, line) or summary(statement, line)},
        ),
        "boc-corporate": Layout(
            header=(
                "交易类型[ Transaction Type ]|业务类型[ Business type ]|付款人账号[ Debit Account No. ]|"
                "付款人名称[ Payer's Name ]|收款人开户行行号[ Account holding bank number of beneficiary ]|"
                "收款人开户行名[ Beneficiary account bank ]|收款人账号[ Payee's Account Number ]|"
                "收款人名称[ Payee's Name ]|交易日期[ Transaction Date ]|交易时间[ Transaction time ]|"
                "交易货币[ Trade Currency ]|交易金额[ Trade Amount ]|交易后余额[ After-transaction balance ]|"
                "起息日期[ Value Date ]|汇率[ Exchange rate ]|交易流水号[ Transaction reference number ]|"
                "摘要[ Reference ]|用途[ Purpose ]|交易附言[ Remark ]|备注[ Remarks ]"
            ),
            header_row=9,
            file="tsv",
            encoding="utf-16",
            newest_first=True,
        ),
        "cmb-corporate-old": Layout(
            header=(
                "交易日|交易时间|起息日|交易类型|借方金额|贷方金额|余额|摘要|流水号|流程实例号|业务名称|用途|"
                "业务参考号|业务摘要|其它摘要|收(付)方分行名|收(付)方名称|收(付)方账号|收(付)方开户行行号|"
                "收(付)方开户行名|收(付)方开户行地址|母(子)公司账号分行名|母(子)公司账号|母(子)公司名称|"
                "信息标志|有否附件信息|冲账标志|扩展摘要|交易分析码|票据号|商务支付订单号|内部编号"
            ),
            header_row=1,
            means={"交易时间": clock},
        ),
        "cmb-corporate-new": Layout(
            header=("交易流水号|交易日期|借方(出账)|贷方(入账)|余额|收(付)方名称|收(付)方账号|摘要|交易类型"),
            header_row=8,
            encoding="utf-8",
            means={"交易日期": moment, "交易类型": remark},
        ),
        "bocom-corporate": Layout(
            header=(
                "交易日期|交易时间|凭证种类|凭证号码|借贷标志|发生额|余额|对方账号|对方户名|对方行名|摘要|"
                "附言|核心流水号"
            ),
            header_row=3,
            means={"交易时间": clock},
        ),
        "pab-corporate": Layout(
            header=("交易日期|账号|借|贷|账户余额|对方账户|对方账户名称|交易流水号|摘要|用途"),
            header_row=1,
            means={"交易日期": moment},
        ),
        "cmbc-corporate": Layout(
            header=(
                "交易日期|主机交易流水号|借方发生额|贷方发生额|账户余额|凭证号|摘要|对方账号|对方账号名称|"
                "对方开户行|交易时间"
            ),
            header_row=12,
            file="html",
            encoding="utf-8",
            means={
                "交易时间": clock,
                "凭证号": empty,
                "摘要": lambda statement, line: remark(statement, line) or summary(statement, line),
            },
        ),
        "ghb-corporate": Layout(
            header=("交易时间|转入金额|转出金额|对方户名|摘要|附言"),
            header_row=2,
            title="[HISTORYDETAIL]",
            balances=False,
        ),
    }
)
"""The corporate exports that this bank can imitate, by bank and vintage."""
