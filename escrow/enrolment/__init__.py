"""Who learns what for how much: students, contracts, payment orders, payments."""
