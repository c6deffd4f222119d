"""From the entry of a file to the citation that it means; without one nothing is read."""

from typing import cast, get_args

from escrow.rules.rule import Citation, Tag
from escrow.rules.strict_yaml import Table


def citation_of(table: Table) -> Citation:
    """What stands under `citation`. Raises BadRuleFile when anything of it is missing."""
    table.only("title", "number", "source", "read_on", "tag", "status")
    return Citation(
        title=table.text("title"),
        number=table.text("number"),
        source=table.text("source"),
        read_on=table.day("read_on"),
        tag=cast("Tag", table.choice("tag", get_args(Tag))),
        draft=table.maybe_choice("status", ("draft",)) is not None,
    )
