"""The sandbox behind the port: it fits, and it shares no code with the service."""

from pathlib import Path

from escrow.bank.port import SupervisingBank
from escrow.bank.sandbox import SandboxBank


def test_the_sandbox_is_a_supervising_bank_and_shares_no_code_with_the_service(bank: SandboxBank) -> None:
    port: SupervisingBank = bank  # mypy compares the two
    assert port.payment_status("XF0004K7Q84") == ()

    sandbox = Path(__file__).resolve().parents[3] / "escrow" / "bank" / "sandbox"
    imported = {
        line.split()[1]
        for module in sandbox.glob("*.py")
        for line in module.read_text(encoding="utf-8").splitlines()
        if line.startswith(("from ", "import "))
    }
    ours = {name for name in imported if name.split(".")[0] in {"escrow", "ledger", "reconciliation", "qrpay"}}
    assert {name for name in ours if not name.startswith("escrow.bank.sandbox")} == {"qrpay.webhooks", "qrpay"}
