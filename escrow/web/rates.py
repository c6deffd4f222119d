"""How often one asker may look something up: enough for a person, too little for a machine that tries all numbers."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

SOURCES: Final = 4096
"""Askers remembered at once; the one seen longest ago is forgotten first."""


@dataclass(slots=True)
class Rate:
    """At most `times` in `within` for each asker, counted from their first time. Kept by this process alone."""

    times: int
    within: timedelta
    _seen: OrderedDict[str, tuple[datetime, int]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def wait(self, source: str, *, now: datetime) -> timedelta:
        """Nothing, and it counts as one time; or how long this asker must wait, and it does not count."""
        with self._lock:
            began, count = self._seen.pop(source, (now, 0))
            if now - began >= self.within or now < began:
                began, count = now, 0
            allowed = count < self.times
            self._seen[source] = (began, count + allowed)
            while len(self._seen) > SOURCES:
                self._seen.popitem(last=False)
        return timedelta(0) if allowed else began + self.within - now
