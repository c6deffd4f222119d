"""Whether an old Excel file (.xls, MS-CFB) can be read to an end: chains that run in a circle fill the memory for ever.

[MS-CFB] 2.2 to 2.6: a header names the sectors of the FAT, the FAT names each sector's successor, the directory each
stream's size. The reader believes all three, and what it does then cannot be caught.
"""

from collections.abc import Iterator, Sequence
from struct import iter_unpack, unpack_from
from typing import Final

_HEADER: Final = 512
_RESERVED: Final = 0xFFFFFFFA
"""Numbers from here on are marks (free, end of chain), no sectors."""
_SHIFTS: Final = (9, 12)
_ENTRY: Final = 128
_KIND: Final = 66
_SIZE: Final = 120


def is_sound(data: bytes) -> bool:
    """Whether all chains end and no count or size is larger than the file."""
    if len(data) < _HEADER or (shift := unpack_from("<H", data, 30)[0]) not in _SHIFTS:
        return False
    size = 1 << shift
    counts = (unpack_from("<I", data, at)[0] for at in (40, 44, 64, 72))
    if any(count > len(data) // size for count in counts):
        return False
    difat = _difat(data, size)
    if difat is None:
        return False
    fat = [word for sector in difat if sector < _RESERVED for word in _words(data, sector, size)]
    if _circular(fat):
        return False
    directory, small = unpack_from("<I", data, 48)[0], unpack_from("<I", data, 60)[0]
    mini = [word for sector in _chain(fat, small) for word in _words(data, sector, size)]
    return not _circular(mini) and _sizes_fit(data, _chain(fat, directory), size)


def _difat(data: bytes, size: int) -> list[int] | None:
    """The sectors of the FAT: 109 in the header, the rest in a chain of their own; None where that has no end."""
    found, seen = list(unpack_from("<109I", data, 76)), set[int]()
    at = unpack_from("<I", data, 68)[0]
    while at < _RESERVED:
        words = _words(data, at, size)
        if at in seen or not words:
            return None
        seen.add(at)
        found += words[:-1]
        at = words[-1]
    return found


def _words(data: bytes, sector: int, size: int) -> list[int]:
    whole = data[(sector + 1) * size : (sector + 2) * size]
    return [word for (word,) in iter_unpack("<I", whole[: len(whole) // 4 * 4])]


def _circular(successors: Sequence[int]) -> bool:
    """Whether some chain comes back to where it was."""
    walk = [0] * len(successors)
    for start in range(len(successors)):
        at = start
        while at < len(successors) and not walk[at]:
            walk[at] = start + 1
            at = successors[at]
        if at < len(successors) and walk[at] == start + 1:
            return True
    return False


def _chain(fat: Sequence[int], at: int) -> Iterator[int]:
    while at < len(fat):
        yield at
        at = fat[at]


def _sizes_fit(data: bytes, sectors: Iterator[int], size: int) -> bool:
    """No stream of the directory is larger than the file. (In small sectors the upper half of a size is not used.)"""
    for sector in sectors:
        whole = data[(sector + 1) * size : (sector + 2) * size]
        for at in range(0, len(whole) - _ENTRY + 1, _ENTRY):
            stated = unpack_from("<I" if size == _HEADER else "<Q", whole, at + _SIZE)[0]
            if whole[at + _KIND] and stated > len(data):
                return False
    return True
