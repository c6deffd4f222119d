"""What the bureau and the auditor check across everything."""
