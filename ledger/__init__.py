"""Who holds how much, and why: a double-entry ledger inside the caller's own transaction."""
