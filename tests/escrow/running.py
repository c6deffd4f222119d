"""The service and its commands as processes of their own, as a person starts them."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx2

ROOT: Final = Path(__file__).resolve().parents[2]
START_SECONDS: Final = 60


def run(*arguments: str, url: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`escrow ARGUMENTS` on this database, in this folder."""
    return subprocess.run(
        [sys.executable, "-m", "escrow", *arguments],
        env=_environment(url) | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@contextmanager
def serving(url: str, *, folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`escrow serve` on a free port: its address, once it answers, and the process, to be killed if one likes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "serve.log"
    with (
        log.open("ab") as out,
        subprocess.Popen(
            [sys.executable, "-m", "escrow", "serve", "--port", str(port)],
            env=_environment(url),
            cwd=folder,
            stdout=out,
            stderr=out,
        ) as process,
    ):
        try:
            yield _once_it_answers(f"http://127.0.0.1:{port}", process, log), process
        finally:
            process.kill()


def _once_it_answers(address: str, process: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        try:
            if httpx2.get(f"{address}/readyz").status_code == 200:
                return address
        except httpx2.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"no answer in {START_SECONDS} s: {log.read_text()}")


def _environment(url: str) -> dict[str, str]:
    return os.environ | {"ESCROW_DATABASE_URL": url, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
