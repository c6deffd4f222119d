"""Who asks: the person or system behind a command, and what it may act for."""

from dataclasses import dataclass
from typing import Literal

from escrow.refusals import IN_CHINESE, Forbidden, Unknown

Role = Literal["family", "institution", "bank", "bureau", "auditor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody who asks for something.

    `party` is the institution or the guardian it belongs to; `key` the idempotency key of this one request, which
    the transfers it causes will carry.
    """

    name: str
    role: Role
    party: int | None = None
    key: str = ""

    def must_be(self, *roles: Role) -> None:
        """Raises Forbidden unless the caller has one of these roles."""
        if self.role not in roles:
            raise Forbidden(
                who=self.role, allowed=" / ".join(roles), allowed_zh=" / ".join(IN_CHINESE[each] for each in roles)
            )

    def must_act_for(self, role: Role, party: int, what: str, key: int) -> None:
        """An institution or a family acts for itself; the bureau may act for both.

        Others are told that there is no `what` of this `key`, the one they asked for, as if it did not exist.
        Raises Unknown, Forbidden.
        """
        if self.role == "bureau":
            return
        self.must_be(role, "bureau")
        if self.party != party:
            raise Unknown(what=what, key=key)
