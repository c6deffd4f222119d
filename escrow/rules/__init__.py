"""The rulebook: the law as data, each value with its place, its days and its citation."""
