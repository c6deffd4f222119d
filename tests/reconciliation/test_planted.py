"""A month with planted breaks: each is found and named, none is invented, and no equal amount is matched wrongly."""

from tests.reconciliation import planted


def test_every_planted_break_is_found_and_none_is_invented() -> None:
    made = planted.month(400, breaks=6)
    found = planted.said(*planted.reconciled(made))
    for name, words in made.truth.items():
        assert words <= found, name
    assert found == set.union(*made.truth.values())


def test_the_order_of_the_rows_changes_nothing() -> None:
    made = planted.month(60, breaks=2, seed=7)
    _, first = planted.reconciled(made)
    _, again = planted.reconciled(made, shuffled=True)
    for name in ("matches", "explained", "breaks", "proposals"):
        assert getattr(first, name).equals(getattr(again, name)), name
