"""What no committed file may name: a package registry, a path on somebody's machine; and no URL stands in the lock."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.sources import ROOT, committed

# In pieces, since this file is committed too.
_REGISTRIES: Final = (
    *(("pypi", "org"), ("python" + "hosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("yarnpkg", "com")),
    *(("crates", "io"), ("deb", "debian", "org"), ("ghcr", "io"), ("conda", "anaconda", "org")),
)
_HOST: Final = re.compile("|".join(re.escape(".".join(parts)) for parts in _REGISTRIES))
_INDEX: Final = re.compile(r"(index|index-url|find-links|registry)\W{1,4}https?:")
_MACHINE_PATH: Final = re.compile(r"(?<![\w./>~-])/(home|root|Users|work|workspace)/[\w.]|\b[A-Z]:\\Users\\")


def registries(text: str) -> list[str]:
    """The lines that name a package registry's host, or an index to install from."""
    return [line for line in text.splitlines() if _HOST.search(line) or _INDEX.search(line)]


def machine_paths(text: str, *, here: Path = ROOT) -> list[str]:
    """The lines that name a folder of one person's machine: a home, or the place `here` of this very checkout."""
    place = re.compile(rf"(?<![\w.]){re.escape(str(here))}(?![\w-])")
    return [line for line in text.splitlines() if _MACHINE_PATH.search(line) or place.search(line)]


@pytest.mark.parametrize("check", [registries, machine_paths])
def test_committed_files_are_at_home_everywhere(check: Callable[[str], list[str]]) -> None:
    # Latin-1 reads every file, and what is looked for is ASCII.
    texts = {path.relative_to(ROOT): path.read_text(encoding="latin-1") for path in committed()}
    broken = [f"{path}: {line}" for path, text in texts.items() for line in check(text)]
    assert not broken, "\n".join(broken)


def test_the_lock_names_no_url() -> None:
    assert "://" not in (ROOT / "requirements.lock").read_text(encoding="utf-8")


@pytest.mark.parametrize("host", [".".join(parts) for parts in _REGISTRIES])
def test_a_registry_is_seen(host: str) -> None:
    line = f"see https://{host}/simple"
    assert registries(f"first\n{line}") == [line]


@pytest.mark.parametrize("option", ["--index-url", "--extra-index-url", "find-links =", 'index = "'])
def test_an_index_to_install_from_is_seen(option: str) -> None:
    line = option + " " * (not option.endswith('"')) + "http" + "://mirror.example/x"
    assert registries(line) == [line]


@pytest.mark.parametrize(
    "path", ["/" + "home/li/escrow", "/" + "root/.cache", "/" + "Users/li", "C:" + "\\Users\\li", "/srv/escrow/run"]
)
def test_a_path_of_ones_own_machine_is_seen(path: str) -> None:
    assert machine_paths(f'path = "{path}"', here=Path("/srv/escrow")) == [f'path = "{path}"']


@pytest.mark.parametrize("text", ["/usr/bin/chromium", "docs/home/index.md", "/api/v1/orders", "https://a.cn/work/x"])
def test_a_path_that_everybody_has_is_none(text: str) -> None:
    assert machine_paths(text, here=Path("/srv/escrow")) == []
