"""The same questions of five resolvers in one world, and of its oracle."""

from __future__ import annotations

import collections
import re
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.support import dns
from tests.support.tally import Tally
from tests.versus.world import Said, ServedWorld, WorldQuestion

TABLE = Path(__file__).with_name("table.toml")
PATIENCE_SECONDS = 12.0
AT_A_TIME = 12


def ask(server: tuple[str, int], question: WorldQuestion) -> Said:
    query = dns.query(question.name, dns.TYPE_NAMES.get(question.type, f"TYPE{question.type}"), do=True, ad=True)
    try:
        reply = dns.send_udp(server, query, timeout=PATIENCE_SECONDS)
        if reply[2] & 0x02:
            reply = dns.send_tcp(server, query, timeout=PATIENCE_SECONDS)
        return Said.of(reply)
    except (TimeoutError, ConnectionError):
        return Said(-1)


@dataclass
class Finding:
    seed: int
    who: str
    question: WorldQuestion
    said: Said
    allowed: bool

    @property
    def wanted(self) -> str:
        return " | ".join(f"{dns.RCODES[outcome.rcode]} {outcome.authentic} {len(outcome.data)} records"
                          f"{' bogus' if outcome.bogus else ''}" for outcome in self.question.outcomes)

    def __str__(self) -> str:
        return (f"world {self.seed}, {self.who}: {self.question}: {self.said}; oracle: {self.wanted}"
                f"{'; failure allowed: ' + self.question.why if self.question.failure_allowed else ''}")


@dataclass(frozen=True)
class Rule:
    """An entry of table.toml; what its keys mean stands at the table's head."""

    peers: frozenset[str]
    types: frozenset[str]
    said: re.Pattern
    oracle: re.Pattern
    differs: frozenset[str]  # at most
    section: str
    why: str

    def explains(self, found: Finding) -> bool:
        return (found.who in self.peers and bool(self.said.fullmatch(str(found.said)))
                and (not self.types or dns.TYPE_NAMES.get(found.question.type) in self.types)
                and bool(self.oracle.fullmatch(found.wanted)) and found.question.differs(found.said) <= self.differs)


def read_table() -> list[Rule]:
    return [Rule(frozenset(row["peers"]), frozenset(row.get("types", [])), re.compile(row.get("said", ".*")),
                 re.compile(row.get("oracle", ".*")), frozenset(row.get("differs", ["rcode", "ad", "data"])),
                 row["section"], row["why"])
            for row in tomllib.loads(TABLE.read_text())["difference"]]


def ask_world(folder: Path, kinds: list, seed: int) -> list[Finding]:
    """All resolvers at once: each has its own question under way, the world is the same for all."""
    home = folder / f"world{seed}"
    with ExitStack() as stack:
        world = stack.enter_context(ServedWorld(seed, home))
        running = {kind.name: stack.enter_context(kind(home / kind.name, f"10.55.0.{number + 1}", world.hints, world.anchor))
                   for number, kind in enumerate(kinds)}
        jobs = {name: stack.enter_context(ThreadPoolExecutor(AT_A_TIME)) for name in running}
        waiting = {name: [jobs[name].submit(ask, running[name].server, question) for question in world.questions]
                   for name in running}
        return [Finding(seed, name, question, said, question.allows(said)) for name, futures in waiting.items()
                for question, said in zip(world.questions, (future.result() for future in futures))]


def run(folder: Path, kinds: list, seeds: range, differences: Path | None, tally: Tally) -> None:
    began, findings, rules = time.monotonic(), [], read_table()
    for seed in seeds:
        found = ask_world(folder, kinds, seed)
        findings += found
        # weir has no entry in the table: what the oracle does not allow is a fault of either.
        wrong = [finding for finding in found if not finding.allowed and not any(rule.explains(finding) for rule in rules)]
        for finding in wrong:
            tally.fail(str(finding))
        tally.passed += not wrong
    counts = collections.Counter((finding.who, finding.allowed) for finding in findings)
    failing = collections.Counter(finding.who for finding in findings
                                  if finding.allowed and finding.said.rcode in (2, -1) and not finding.question.must_fail)
    print(f"{len(seeds)} worlds from seed {seeds.start} in {time.monotonic() - began:.0f} s")
    print("             as the oracle allows    not   failed where failing is allowed")
    for kind in kinds:
        print(f"  {kind.name:10} {counts[kind.name, True]:20} {counts[kind.name, False]:6} {failing[kind.name]:33}", flush=True)
    explained = collections.Counter(next((place for place, rule in enumerate(rules) if rule.explains(finding)), None)
                                    for finding in findings if not finding.allowed)
    for place, rule in enumerate(rules):
        print(f"  {explained[place]:5} explained by {rule.section}: {', '.join(sorted(rule.peers))}")
    if differences:
        with open(differences, "w") as file:
            for finding in findings:
                if not finding.allowed:
                    print(finding, file=file)
