"""Evasions seen: each detector is a query that gives columns of integers, and a pure function that looks at them."""
