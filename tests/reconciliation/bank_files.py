"""Bank files as the tests need them, written by us: camt.053, MT940, the ICBC corporate layouts and a bare .xlsx."""

import csv
from collections.abc import Sequence
from io import BytesIO, StringIO
from pathlib import Path
from xml.sax.saxutils import escape
from zipfile import ZipFile

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "samples"

ACCOUNT = "1202021019900123456"

OLD_HEADER = (
    "凭证号|本方账号|对方账号|交易时间|借/贷|借方发生额|贷方发生额|对方行号|摘要|用途|对方单位名称|余额|个性化信息"
)
NEW_HEADER = "本方账号|对方账号|交易时间|借/贷|金额|凭证号|对方单位|对方行号|用途|摘要|附言|个性化信息"

OLD_ROWS = (
    '8001,{a},6222020200098765432,2026-10-08 09:01:02,贷,,"1,280.00",102100099996,转账,学费,张三,"11,280.00",TE26K7',
    '8002,{a},6222020200011112222,2026-10-08 09:01:02,贷,,500.00,102100099996,转账,学费,李四,"11,780.00",-',
    '8003,{a},,2026-10-08 17:30:00,借,10.00,,,手续费,,,"11,770.00",',
    '8004,{a},6228480402564890018,2026-10-09 08:00:00,借,"2,000.00",,103100000026,汇款,划拨,某某培训,"9,770.00",',
    ',{a},,2026-10-21 00:00:01,贷,,3.21,,结息,,,"9,773.21",',
)
NEW_ROWS = (
    '{a},6222020200098765432,2026-10-08 09:01:02,贷,"1,280.00",8001,张三,102100099996,学费,转账,TE2610080001K7,',
    "{a},6222020200011112222,2026-10-08 09:01:02,贷,500.00,8002,李四,102100099996,学费,转账,--,",
    "{a},,2026-10-08 17:30:00,借,10.00,8003,,,,手续费,,",
)


def corporate(
    header: str,
    rows: Sequence[str],
    *,
    encoding: str = "gb18030",
    delimiter: str = ",",
    account: str = ACCOUNT,
) -> bytes:
    """An ICBC corporate export: a title, the account's name, the header on row 3, and the rows."""
    out = StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["[HISTORYDETAIL]"])
    writer.writerow(["户名", "某某校外培训机构资金监管专户"])
    writer.writerow(header.split("|"))
    writer.writerows(csv.reader(row.format(a=account) for row in rows))
    return out.getvalue().encode(encoding)


def entry(
    amount: str,
    direction: str = "CRDT",
    *,
    version: str = "08",
    details: Sequence[str] = (),
    reversal: bool | None = None,
    serial: str = "",
    booked: str = "<Dt>2026-10-08</Dt>",
    batch: int | None = None,
    code: str = "RCDT",
) -> str:
    """One Ntry of a camt.053."""
    stated = "<Cd>BOOK</Cd>" if version == "08" else "BOOK"
    counted = f"<Btch><NbOfTxs>{batch}</NbOfTxs></Btch>" if batch is not None else ""
    return (
        f'<Ntry><Amt Ccy="CNY">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>'
        + ("" if reversal is None else f"<RvslInd>{str(reversal).lower()}</RvslInd>")
        + f"<Sts>{stated}</Sts><BookgDt>{booked}</BookgDt>"
        + (f"<AcctSvcrRef>{serial}</AcctSvcrRef>" if serial else "")
        + f"<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>{code}</SubFmlyCd></Fmly></Domn></BkTxCd>"
        + (f"<NtryDtls>{counted}{''.join(details)}</NtryDtls>" if details or counted else "")
        + "</Ntry>"
    )


def detail(
    *,
    end_to_end: str = "NOTPROVIDED",
    amount: str = "",
    debtor: str = "",
    creditor: str = "",
    account: str = "",
    remark: Sequence[str] = (),
    version: str = "08",
) -> str:
    """One TxDtls; `account` is that of whichever party is named."""

    def party(role: str, name: str) -> str:
        named = f"<Nm>{escape(name)}</Nm>" if version == "02" else f"<Pty><Nm>{escape(name)}</Nm></Pty>"
        return (
            f"<{role}>{named}</{role}><{role}Acct><Id><Othr><Id>{account}</Id></Othr></Id></{role}Acct>" if name else ""
        )

    stated = f'<Amt Ccy="CNY">{amount}</Amt>'
    if version == "02":
        stated = f"<AmtDtls><TxAmt>{stated}</TxAmt></AmtDtls>"
    else:
        stated += "<CdtDbtInd>CRDT</CdtDbtInd>"
    parties = party("Dbtr", debtor) + party("Cdtr", creditor)
    texts = "".join(f"<Ustrd>{escape(text)}</Ustrd>" for text in remark)
    return (
        f"<TxDtls><Refs><EndToEndId>{end_to_end}</EndToEndId></Refs>"
        + (stated if amount else "")
        + (f"<RltdPties>{parties}</RltdPties>" if parties else "")
        + (f"<RmtInf>{texts}</RmtInf>" if texts else "")
        + "</TxDtls>"
    )


def balance(code: str, amount: str, currency: str = "CNY") -> str:
    """One Bal; a leading minus makes it DBIT."""
    side = "DBIT" if amount.startswith("-") else "CRDT"
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="{currency}">{amount.lstrip("-")}</Amt><CdtDbtInd>{side}</CdtDbtInd>'
        "<Dt><Dt>2026-10-08</Dt></Dt></Bal>"
    )


def statement(entries: Sequence[str], *, balances: Sequence[str], identifier: str = "S-1", summary: str = "") -> str:
    """One Stmt of our account."""
    return (
        f"<Stmt><Id>{identifier}</Id><CreDtTm>2026-10-08T20:00:00+08:00</CreDtTm>"
        f"<Acct><Id><Othr><Id>{ACCOUNT}</Id></Othr></Id><Ccy>CNY</Ccy></Acct>"
        f"{''.join(balances)}{summary}{''.join(entries)}</Stmt>"
    )


def camt(*statements: str, version: str = "08", namespace: bool = True, encoding: str = "UTF-8") -> bytes:
    """A whole camt.053 document."""
    named = f' xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"' if namespace else ""
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>\n<Document{named}><BkToCstmrStmt><GrpHdr><MsgId>M-1</MsgId>'
        f"<CreDtTm>2026-10-08T20:00:00+08:00</CreDtTm></GrpHdr>{''.join(statements)}</BkToCstmrStmt></Document>"
    )
    return text.encode(encoding)


def day(*entries: str, opening: str, closing: str, version: str = "08") -> bytes:
    """A document of one statement with its two balances."""
    balances = [balance("OPBD", opening), balance("CLBD", closing)]
    return camt(statement(entries, balances=balances), version=version)


def xlsx(rows: Sequence[Sequence[str | float]], *, last_place: str = "") -> bytes:
    """The least .xlsx: one sheet, texts inline, numbers as doubles. The last row may claim another place."""

    def cell(value: str | float, at: int, row: int) -> str:
        place = f"{chr(64 + at // 26) if at > 25 else ''}{chr(65 + at % 26)}{row}"
        if isinstance(value, str):
            return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
        return f'<c r="{place}"><v>{value!r}</v></c>'

    body = "".join(
        f'<row r="{number}">{"".join(cell(value, at, number) for at, value in enumerate(row))}</row>'
        for number, row in enumerate(rows, start=1)
    )
    body = body.replace(f'r="A{len(rows)}"', f'r="{last_place or f"A{len(rows)}"}"')
    main, office = "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://schemas.openxmlformats.org"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{office}/package/2006/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{office}/package/2006/relationships"><Relationship Id="r1" Type="'
        f'{office}/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}/officeDocument/2006/relationships">'
        '<sheets><sheet name="明细" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{office}/package/2006/relationships"><Relationship '
        f'Id="r1" Type="{office}/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>',
    }
    out = BytesIO()
    with ZipFile(out, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def mt940(
    *bookings: str,
    opening: str = "C261007CNY0,00",
    closing: str,
    account: str = ACCOUNT,
    number: str = "00001/001",
    pages: str = "FF",
) -> str:
    """One MT940 message; a booking is what follows :61:, its :86: included. `pages`: the letters of :60: and :62:."""
    lines = [f":20:STARTUMS\r\n:25:{account}\r\n:28C:{number}\r\n:60{pages[0]}:{opening}"]
    lines += [f":61:{each}" for each in bookings]
    lines += [f":62{pages[1]}:{closing}", "-"]
    return "\r\n".join(lines) + "\r\n"
