"""What can happen to a bank's file on its way: bits, cuts, rows twice or missing, columns exchanged, encodings."""

from collections.abc import Callable
from random import Random
from typing import Final

Mutation = Callable[[bytes, Random], bytes]

_ENCODINGS: Final = ("utf-8", "gb18030", "utf-16", "big5", "latin-1", "utf-8-sig")


def flip_bits(data: bytes, dice: Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 8, 40])):
        damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
    return bytes(damaged)


def cut(data: bytes, dice: Random) -> bytes:
    begins, ends = sorted(dice.randrange(len(data) + 1) for _ in range(2))
    return dice.choice([data[:begins], data[ends:], data[:begins] + data[ends:]])


def double_row(data: bytes, dice: Random) -> bytes:
    """A row of the middle twice."""
    rows, at = _row(data, dice)
    return b"\n".join([*rows[: at + 1], *rows[at:]])


def drop_row(data: bytes, dice: Random) -> bytes:
    rows, at = _row(data, dice)
    return b"\n".join([*rows[:at], *rows[at + 1 :]])


def exchange_rows(data: bytes, dice: Random) -> bytes:
    rows, at = _row(data, dice)
    _, of = _row(data, dice)
    rows[at], rows[of] = rows[of], rows[at]
    return b"\n".join(rows)


def exchange_cells(data: bytes, dice: Random) -> bytes:
    """Two columns of one row, or of all rows, change places."""
    delimiter = max((b",", b"\t", b"|", b">"), key=data.count)
    rows = [row.split(delimiter) for row in data.split(b"\n")]
    chosen = rows if dice.random() < 0.5 else [dice.choice(rows)]
    width = max(map(len, chosen))
    one, other = dice.randrange(width), dice.randrange(width)
    for row in chosen:
        if len(row) > max(one, other):
            row[one], row[other] = row[other], row[one]
    return b"\n".join(map(delimiter.join, rows))


def recode(data: bytes, dice: Random) -> bytes:
    """Read in one encoding, written in another, as editors do."""
    text = data.decode(dice.choice(_ENCODINGS), errors=dice.choice(["replace", "ignore"]))
    return text.encode(dice.choice(_ENCODINGS), errors=dice.choice(["replace", "ignore", "xmlcharrefreplace"]))


def insert(data: bytes, dice: Random) -> bytes:
    at = dice.randrange(len(data) + 1)
    return data[:at] + dice.choice(PIECES) + data[at:]


def _row(data: bytes, dice: Random) -> tuple[list[bytes], int]:
    rows = data.split(b"\n")
    return rows, dice.randrange(len(rows))


PIECES: Final = (
    *(
        b"\x00",
        b"\xff\xfe",
        b'"',
        b'""',
        b",",
        b"\r",
        b"\n",
        b"<",
        b">",
        b"&",
        b"&x;",
        b"-",
        b"9" * 400,
        b"\xe3\x80\x80",
    ),
    *(
        b"<!--",
        b"<![CDATA[",
        b"<!DOCTYPE x>",
        b"<?x",
        b"</Ntry>",
        b"<Ntry>",
        b"1e9",
        b"NaN",
        b"0000-00-00",
        b".",
        b"+",
        b"-",
    ),
    *(b"\r\n:61:", b"\r\n:86:", b"\r\n-}{4:", b"?20", b"`", b"#", "９".encode(), "，".encode("gb18030"), b"\xc2\xa0"),
)

MUTATIONS: Final[dict[str, Mutation]] = {
    each.__name__: each
    for each in (flip_bits, cut, double_row, drop_row, exchange_rows, exchange_cells, recode, insert)
}
