"""Old Excel files whose inner chains have no end: refused in words before a reader fills the memory with them."""

from struct import pack, pack_into

import pytest

from reconciliation import ole
from reconciliation.reading import read
from reconciliation.statement import NotAStatement
from reconciliation.workbook import OLE
from tests.reconciliation.bank_files import SAMPLES

END, FREE, FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


def container(fat: list[int], *, directory: int = 1, stream: int = 0, difat: int = END, count: int = 1) -> bytes:
    """A header, the FAT in sector 0, a directory with one stream in sector 1, and sector 2."""
    header = bytearray(512)
    header[: len(OLE)] = OLE
    pack_into("<H", header, 30, 9)
    for at, value in ((44, count), (48, directory), (60, END), (68, difat), (72, 0)):
        pack_into("<I", header, at, value)
    pack_into("<109I", header, 76, 0, *[FREE] * 108)
    entry = bytearray(512)
    entry[66] = 2
    pack_into("<I", entry, 120, stream)
    return bytes(header) + pack("<128I", *fat, *[FREE] * (128 - len(fat))) + bytes(entry) + bytes(512)


def test_a_file_whose_chains_end_is_sound() -> None:
    assert ole.is_sound(container([FAT, END, END], stream=512))


@pytest.mark.parametrize(
    "data",
    [
        container([FAT, 1, END]),
        container([FAT, 2, 1]),
        container([FAT, END, END], stream=1 << 31),
        container([FAT, END, END], count=1 << 30),
        container([FAT, END, END], difat=5_000),
        OLE,
        OLE + bytes(600),
    ],
    ids=["its own successor", "a circle", "a stream beyond the file", "a FAT beyond it", "no DIFAT", "cut", "no size"],
)
def test_a_file_without_an_end_is_refused_in_words(data: bytes) -> None:
    assert not ole.is_sound(data)
    with pytest.raises(NotAStatement, match="damaged"):
        read(data)


def test_a_real_file_is_sound() -> None:
    found = sorted(SAMPLES.glob("cn/ccb/*.xls"))
    if not found:
        pytest.skip("the sample files are not here")
    assert ole.is_sound(found[0].read_bytes())
