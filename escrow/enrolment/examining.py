"""Contracts examined again when they are ordered or paid: what the caps find on that day, one query for all."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import Connection

from escrow.enrolment import caps, contract_terms
from escrow.enrolment.measured import Act, Found
from escrow.enrolment.terms import Terms, is_before
from escrow.rules.rulebook import Rulebook


def at(
    db: Connection, contract_ids: Collection[int], *, act: Act, rulebook: Rulebook, by_loan: bool = False
) -> list[Found]:
    """What the caps find at these open contracts, each beside those of its course before it, on the day of the act.

    `by_loan`: the order that is being made is to be paid by a training loan.
    """
    standing: defaultdict[int, list[tuple[Terms, str]]] = defaultdict(list)
    for terms, place in contract_terms.open_around(db, contract_ids):
        standing[terms.student_id].append((terms, place))
    found = []
    for terms, place in (each for of_student in standing.values() for each in of_student):
        if terms.contract_id is None or terms.contract_id not in contract_ids:
            continue
        others = [other for other, _ in standing[terms.student_id] if is_before(other, terms)]
        looked_at = replace(terms, loan_on=terms.loan_on or act.on) if by_loan else terms
        findings = caps.examine(looked_at, others, rulebook=rulebook, jurisdiction=place, act=act)
        found += [
            Found(finding=each, institution_id=terms.institution_id, contract_id=terms.contract_id) for each in findings
        ]
    return found
