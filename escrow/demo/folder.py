"""The folder of the demonstration: made anew, or taken over from a former demonstration, never from anybody else."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from escrow.refusals import Conflict

MARK: Final = "about-this-folder.txt"
DATABASE: Final = "escrow.db"
KEYS: Final = "api-keys.txt"
BANK: Final = "bank"
CODES: Final = "qr"

_ABOUT: Final = """\
演示数据 / demonstration data. Made by `escrow demo`, which replaces this folder when it is run again.

escrow.db     监管账簿 the service's database; `escrow serve --dir THIS-FOLDER` shows it
api-keys.txt  接口密钥 keys to ask the service with
bank/         模拟银行 the sandbox bank: its own books (bank.db), payout files (pain.001), statements (camt.053, CSV)
qr/           付款码 codes of the first orders: payment link and EMV, each as SVG and PNG
"""
_OURS: Final = (MARK, DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", KEYS, BANK, CODES)


class NotADemoFolder(Conflict):
    """{folder} cannot be used for the demonstration: it holds {found}, which no demonstration made. Nothing was
    touched; name a folder that does not exist yet, or an empty one."""

    zh = "{folder} 不能用作演示目录：其中的 {found} 不是演示程序生成的。未作任何改动；请指定一个新目录或空目录。"


def prepare(folder: Path) -> None:
    """Leave the folder empty but for its mark, with room for the bank and the codes. Raises NotADemoFolder."""
    if folder.exists() and not folder.is_dir():
        raise NotADemoFolder(folder=folder, found="一个文件 a file")
    found = sorted(each.name for each in folder.iterdir()) if folder.exists() else []
    strangers = [name for name in found if name not in _OURS]
    if strangers or (found and MARK not in found):
        raise NotADemoFolder(folder=folder, found=", ".join((strangers or found)[:3]))
    for name in found:
        _remove(folder / name)
    for name in (BANK, CODES):
        folder.joinpath(name).mkdir(parents=True)
    folder.joinpath(MARK).write_text(_ABOUT, encoding="utf-8")


def write_keys(folder: Path, keys: Sequence[tuple[str, str, str]]) -> None:
    """Role, name and key, one a line, for the owner's eyes only (0600)."""
    lines = "".join(f"{role:<12}{name:<14}{key}\n" for role, name, key in keys)
    descriptor = os.open(folder / KEYS, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"# role        name          key, for the header Authorization: Bearer KEY\n{lines}")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
