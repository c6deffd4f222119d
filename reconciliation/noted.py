"""What a file holds besides booked lines, gathered by kind: a million pending entries are still one sentence."""

from dataclasses import dataclass, field
from typing import Final

_SHOWN: Final = 20


@dataclass(kw_only=True, slots=True)
class Noted:
    """Sentences (Chinese) in the making: of each the first places that it is true of, and how many there are."""

    _places: dict[str, list[str]] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def add(self, sentence: str, place: str = "") -> None:
        """The sentence holds, there."""
        places = self._places.setdefault(sentence, [])
        if place:
            self._counts[sentence] = self._counts.get(sentence, 0) + 1
            if len(places) < _SHOWN:
                places.append(place)

    def sentences(self) -> tuple[str, ...]:
        """Everything noted, in the order in which each was first."""
        return tuple(self._sentence(each) for each in self._places)

    def _sentence(self, sentence: str) -> str:
        places, count = self._places[sentence], self._counts.get(sentence, 0)
        if not places:
            return sentence
        more = f" 等共 {count} 处" if count > len(places) else ""
        return f"{sentence}：{'、'.join(places)}{more}"
