"""Where resolvers answer otherwise than weir, and the table that says why.

A table is a file of [[difference]] entries; what their keys mean stands at its head. It must explain all differences,
and each entry its own example: what no longer differs has to go.
"""

from __future__ import annotations

import collections
import os
import re
import time
import tomllib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
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


Server = tuple[str, int]


def compare(ask: Callable[[Server, Question], Verdict], weir: Server, peers: dict[str, Server],
            questions: list[Question], at_a_time: int) -> list[Difference]:
    """weir first, so that its answers do not depend on how the others load the servers; those wait together."""
    def ask_all(name: str, server: Server) -> list[Verdict]:
        began = time.monotonic()
        with ThreadPoolExecutor(at_a_time) as jobs:
            verdicts = list(jobs.map(lambda question: ask(server, question), questions))
        print(f"    {name}: {len(questions)} questions in {time.monotonic() - began:.1f} s")
        return verdicts

    answers = {"weir": ask_all("weir", weir)}
    with ThreadPoolExecutor(max(1, len(peers))) as together:
        answers |= zip(peers, together.map(ask_all, peers.keys(), peers.values()))
    return [Difference(question, peer, ours, theirs) for peer in peers
            for question, ours, theirs in zip(questions, answers["weir"], answers[peer]) if ours != theirs]


def report(asked: str, peers: Iterable[str], rules: list[Rule], result: Sorted) -> None:
    """Prints the figures behind `asked`, and writes all differences where WEIR_DIFFERENCES says."""
    counts = collections.Counter(difference.peer for difference in result.unexplained)
    explained = collections.Counter(difference.peer for found in result.explained.values() for difference in found)
    print(f"    {asked}; " + "; ".join(f"{peer}: {explained[peer]} explained, {counts[peer]} unexplained differences"
                                      for peer in peers))
    path = os.environ.get("WEIR_DIFFERENCES")
    if path:
        with open(path, "w") as file:
            for difference in result.unexplained:
                print(difference, file=file)
            for place, found in sorted(result.explained.items()):
                print(f"\n== {rules[place].name.pattern}: {rules[place].right}, {rules[place].section}", file=file)
                for difference in found:
                    print(difference, file=file)
