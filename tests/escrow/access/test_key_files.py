"""Key files as they are handed out, made by OpenSSL and by an independent library."""

import base64
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from escrow.access import key_files
from escrow.access.key_files import NotAKeyFile
from tests.qrpay import signers
from tests.qrpay.signers import RSA, named, signing_key

PEM = serialization.Encoding.PEM
INFO = serialization.PublicFormat.SubjectPublicKeyInfo
BEGINS, ENDS = datetime(2026, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
RSA_MATERIAL = signing_key("x").verifier(not_before=BEGINS).material


def _certificate(serial: int = 0x5157F09EFDC096DE15EBE81A47057A7232F1B8E1) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tenpay.com sign")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(RSA.public_key())
    builder = builder.serial_number(serial).not_valid_before(BEGINS).not_valid_after(ENDS)
    return builder.sign(RSA, SHA256()).public_bytes(PEM)


def test_a_certificate_says_its_key_its_serial_and_its_time() -> None:
    found = key_files.read(b"subject=...\n" + _certificate(), None)
    assert (found.algorithm, found.material) == ("rsa-sha256", RSA_MATERIAL)
    assert found.key_id == "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
    assert (found.not_before, found.not_after) == (BEGINS, ENDS)


def test_public_keys_in_pem_say_their_algorithm() -> None:
    edwards = ed25519.Ed25519PrivateKey.generate().public_key()
    assert key_files.read(RSA.public_key().public_bytes(PEM, INFO), None).material == RSA_MATERIAL
    found = key_files.read(edwards.public_bytes(PEM, INFO), "v1a")
    assert (found.algorithm, found.material) == ("v1a", edwards.public_bytes_raw())


def test_a_public_sm2_key_of_openssl_is_read(tmp_path: Path) -> None:
    if shutil.which("openssl") is None or b"SM2" not in signers.openssl("ecparam", "-list_curves"):
        pytest.skip("no openssl command with SM2 on this machine")
    private, material = signers.sm2_pair(tmp_path)
    found = key_files.read(signers.openssl("pkey", "-in", private, "-pubout"), None)
    assert (found.algorithm, found.material) == ("sm2-sm3", material[32:])


def test_bare_bytes_and_secrets_need_to_be_told_what_they_are() -> None:
    raw = bytes(range(32))
    assert key_files.read(base64.b64encode(raw) + b"\n", "v1").material == raw
    assert key_files.read(b"0123456789abcdefABCDEFghijklmnop\n", "aes-256-gcm").material[-1:] == b"p"
    with pytest.raises(NotAKeyFile, match="say its algorithm"):
        key_files.read(base64.b64encode(raw), None)


@pytest.mark.parametrize(
    ("data", "algorithm", "why"),
    [
        (b"???", "v1a", "neither PEM nor base64"),
        (_certificate(), "v1a", "a key for rsa-sha256, not for v1a"),
        (
            RSA.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
            None,
            "a private key, which belongs to the sender alone",
        ),
        (ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(PEM, INFO), None, "of a kind that is not"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", None, "no key that can be used"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", None, "no key that can be used"),
    ],
    ids=named,
)
def test_what_is_no_key_file_is_refused_with_the_reason(data: bytes, algorithm: str | None, why: str) -> None:
    with pytest.raises(NotAKeyFile, match=why):
        key_files.read(data, algorithm)
