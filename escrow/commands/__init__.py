"""The command line by what it is about: each room adds its commands to the one `escrow` command (escrow.cli)."""
