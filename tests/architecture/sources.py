"""What the house's own checks look at: the files that a commit would take."""

import fnmatch
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("escrow", "ledger", "qrpay", "reconciliation")


def committed(folder: Path = ROOT) -> Iterator[Path]:
    """Every file below `folder` that .gitignore lets a commit take. Needs no git, so a copied tree is checked too."""
    for path in sorted(folder.iterdir()):
        if any(fnmatch.fnmatch(path.name, pattern) for pattern in _ignored()):
            continue
        if path.is_dir():
            yield from committed(path)
        else:
            yield path


def modules(*places: str) -> Iterator[tuple[str, str]]:
    """Name and text of every module below the places, such as "ledger" or "escrow/payouts"."""
    for path in committed():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix == ".py" and any(name.startswith(f"{place}/") for place in places):
            yield name, path.read_text(encoding="utf-8")


@cache
def _ignored() -> tuple[str, ...]:
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    return (".git", *(line.strip("/") for line in lines))
