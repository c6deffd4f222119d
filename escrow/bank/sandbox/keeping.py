"""The bank's signing key in a file of its own, made when it is first needed and read by nobody else."""

import base64
import os
from pathlib import Path

from escrow.bank.sandbox.bank import SandboxBank
from qrpay.webhooks import SigningKey


def kept_key(file: Path, key_id: str = "sandbox-1") -> SigningKey:
    """The key in this file; a fresh one is written where there is none, for its owner's eyes only."""
    if not file.exists():
        key = SandboxBank.new_key(key_id)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(base64.b64encode(key.material).decode("ascii"))
        return key
    material = base64.b64decode(file.read_text(encoding="ascii"), validate=True)
    return SigningKey(key_id=key_id, algorithm="v1a", material=material)
