"""The bank's day: statements in, every line matched or on a list, the proof of cash."""
