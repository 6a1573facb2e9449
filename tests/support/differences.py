"""Where resolvers answer otherwise than weir, and the table that says why.

A table is a file of [[difference]] entries; what their keys mean stands at its head. It must explain all differences,
and each entry its own example: what no longer differs has to go.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import dns
from tests.support.questions import Question


@dataclass(frozen=True)
class Verdict:
    """What is compared of an answer."""

    rcode: str
    ad: bool = False
    data: frozenset[tuple[str, str, str]] = frozenset()

    @staticmethod
    def of(answer: dns.Answer) -> "Verdict":
        return Verdict(answer.rcode, answer.authentic,
                       frozenset((record.name, record.type, record.data) for record in answer.answer))

    @property
    def head(self) -> str:
        return f"{self.rcode}{' ad' if self.ad else ''}{'' if self.data else ' empty'}"

    def __str__(self) -> str:
        return self.head + "".join(f"\n      {' '.join(record)}" for record in sorted(self.data))


@dataclass(frozen=True)
class Difference:
    question: Question
    peer: str
    ours: Verdict
    theirs: Verdict

    @property
    def what(self) -> set[str]:
        return {word for word in ("rcode", "ad", "data") if getattr(self.ours, word) != getattr(self.theirs, word)}

    def __str__(self) -> str:
        return f"{self.question}: {' '.join(sorted(self.what))}\n    weir: {self.ours}\n    {self.peer}: {self.theirs}"


@dataclass(frozen=True)
class Rule:
    peers: frozenset[str]
    name: re.Pattern  # of the whole QNAME
    types: frozenset[str]  # none: all
    differs: frozenset[str]  # at most
    weir: re.Pattern  # of the head of the verdict: RCODE, "ad", "empty"
    other: re.Pattern
    flags: dict[str, bool]  # of the question, where they matter
    client: re.Pattern  # the address that it is asked from; "" where that does not matter
    section: str
    right: str
    why: str
    seldom: bool  # depends on the order in which things were asked: it may explain nothing
    examples: tuple[Question, ...]

    def explains(self, found: Difference) -> bool:
        question = found.question
        return (found.peer in self.peers and found.what <= self.differs
                and (not self.types or question.type in self.types)
                and bool(self.client.fullmatch(question.client))
                and all(getattr(question, flag) == value for flag, value in self.flags.items())
                and bool(self.name.fullmatch(question.name.lower())) and bool(self.weir.fullmatch(found.ours.head))
                and bool(self.other.fullmatch(found.theirs.head)))


KEYS = {"peers", "name", "types", "differs", "weir", "other", "flags", "client", "section", "right", "why", "example", "seldom"}
NEEDED = {"peers", "name", "differs", "section", "right", "why"}


def _rule(row: dict) -> Rule:
    if not NEEDED <= set(row) <= KEYS:
        raise ValueError(f"an entry of {row.get('name')}: missing {NEEDED - set(row)}, unknown {set(row) - KEYS}")
    if row["right"] not in ("weir", "peer", "both"):
        raise ValueError(f"right = {row['right']}: weir, peer or both")
    return Rule(frozenset(row["peers"]), re.compile(row["name"]), frozenset(row.get("types", [])),
                frozenset(row["differs"]), re.compile(row.get("weir", ".*")), re.compile(row.get("other", ".*")),
                row.get("flags", {}), re.compile(row.get("client", ".*")), row["section"], row["right"], row["why"],
                row.get("seldom", False), tuple(Question.of(text) for text in row.get("example", [])))


def read(path: Path) -> list[Rule]:
    """Raises ValueError for what is no table."""
    return [_rule(row) for row in tomllib.loads(path.read_text()).get("difference", [])]


@dataclass
class Sorted:
    unexplained: list[Difference] = field(default_factory=list)
    explained: dict[int, list[Difference]] = field(default_factory=dict)  # by the rule's place

    def idle(self, rules: list[Rule]) -> list[Rule]:
        """Those that should explain something and do not."""
        return [rule for place, rule in enumerate(rules) if place not in self.explained and not rule.seldom]


def sort(found: list[Difference], rules: list[Rule]) -> Sorted:
    """Each to the first rule that explains it."""
    result = Sorted()
    for difference in found:
        place = next((place for place, rule in enumerate(rules) if rule.explains(difference)), None)
        if place is None:
            result.unexplained.append(difference)
        else:
            result.explained.setdefault(place, []).append(difference)
    return result
