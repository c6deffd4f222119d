"""Four eyes (双人复核): who asks never approves, under no other name either."""

from typing import Final

from sqlalchemy import Connection, select

from escrow.access import keys
from escrow.access.caller import Caller
from escrow.access.tables import api_key
from escrow.refusals import FourEyes

_PERSON: Final = "person"


class SamePerson(FourEyes):
    """Who asks never approves: {name} made this {what}, and {name} and {you} are one person by the number under which
    their keys were issued; somebody else must decide it."""

    zh = (
        "经办与审批不得为同一人：本{what_zh}由 {name} 提交，按签发密钥时登记的人员编号，{name} 与 {you} 为同一人，"
        "须由他人审批。"
    )


def person_of(db: Connection, number: str) -> str:
    """The mark of the person with this number (工号 or another of the bureau's own). The number is kept nowhere."""
    return keys.mark(db, _PERSON, number)


def must_be_another(db: Connection, by: Caller, *earlier: str | None, what: str, what_zh: str) -> None:
    """Whoever decides is none of those who acted before, by name or by person. Raises FourEyes, SamePerson.

    Persons are told apart as far as keys were issued for them, ended ones included; see decision 22.
    """
    names = {each for each in earlier if each is not None}
    if by.name in names:
        raise FourEyes(what=what, what_zh=what_zh, name=by.name)
    k = api_key.c
    mine = select(k.person).where(k.name == by.name, k.role == by.role, k.person.is_not(None))
    same = select(k.name).where(k.name.in_(sorted(names)), k.person.in_(mine)).order_by(k.name).limit(1)
    for name in db.execute(same).scalars():
        raise SamePerson(what=what, what_zh=what_zh, name=name, you=by.name)
