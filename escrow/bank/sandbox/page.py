"""The sandbox bank's page: what a scanned code says is put in, and it is paid as a phone would."""

import re
import urllib.parse
from datetime import datetime
from html import escape
from typing import Final

from escrow.bank.sandbox.bank import SandboxBank
from escrow.bank.sandbox.books import NotAPayment
from qrpay import emv

_YUAN: Final = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,2}))?", re.ASCII)

_FORM: Final = """<!doctype html><html lang="zh"><meta charset="utf-8"><title>沙盒银行 Sandbox bank</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:16px/1.6 sans-serif;max-width:32rem;margin:2rem auto;padding:0 1rem}}
label{{display:block;margin:.7rem 0}}input,textarea{{width:100%;font:inherit;padding:.4rem}}</style>
<h1>扫码支付 Scan and pay</h1>{said}
<form method="post" action="/pay">
<label>扫到的 EMV 码内容 What the EMV code says<textarea name="code" rows="3"></textarea></label>
<p>或手工填写 or by hand</p>
<label>收款账号 Account<input name="account"></label>
<label>金额（元）Amount<input name="amount" inputmode="decimal"></label>
<label>订单号 Reference<input name="reference"></label>
<label>付款人 Payer<input name="payer" value="王芳"></label>
<label>付款账号 Payer's account<input name="payer_account" value="6222020000000000001"></label>
<button>支付 Pay</button></form></html>"""


def page(serial: str = "") -> bytes:
    """The form; with `serial`, what has just been paid above it."""
    said = f"<p>已支付，流水号 <b>{escape(serial)}</b></p>" if serial else ""
    return _FORM.format(said=said).encode("utf-8")


def paid(bank: SandboxBank, form: str, *, at: datetime) -> str:
    """Pay what the form says, the code before what was typed; the line's serial. Raises NotAPayment, UnknownAccount."""
    given = {name: values[-1].strip() for name, values in urllib.parse.parse_qs(form).items()}
    account, reference = given.get("account", ""), given.get("reference", "")
    amount = _fen(given.get("amount", "")) if given.get("amount") else 0
    if given.get("code"):
        code = emv.parse(given["code"])
        account, reference = code.payee_account, code.reference or ""
        amount = amount if code.amount is None else code.amount.minor
    return bank.pay(
        account=account,
        amount_minor=amount,
        payer=given.get("payer", ""),
        payer_account=given.get("payer_account", ""),
        remark=f"{reference} 学费".strip(),
        reference=reference,
        at=at,
    )


def _fen(text: str) -> int:
    found = _YUAN.fullmatch(text)
    if found is None:
        raise NotAPayment(f"{text[:40]!r} is not an amount such as 1280.00")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
