"""Each thing that a rule can do, with each kind of data, age, flag, transport and way of going away: nothing blocked
comes out, nothing bogus becomes good, and nobody falls over.

tests/support/pairs_world.py says what is asked and what has to come. A name is asked for by all groups, one question
behind the other, in an order that leaves some of them the cache that others have filled; then its servers fall silent,
then they die, and it is asked for again. Which order that is for a name is chosen by WEIR_SEED. By default the rest is a
sample in which every pair is there; WEIR_PAIRS=all asks everything of every name.
"""

from __future__ import annotations

import collections
import itertools
import os
import random
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from tests.e2e.case import Case
from tests.support import control, dns
from tests.support.leavers import LEAVING, Client
from tests.support.pairs_world import (FIRST, MODES, NAME_SERVER_ZONES, OPEN, PLAIN_NAMES, Q_NAMES, SERVFAIL, TTL,
                                       WATCHED, ZONES, Name, Reply, Treatment, Verdict, build, client_of, configuration, expected,
                                       list_files)
from tests.support.signed_internet import SignedInternet

ALL = os.environ.get("WEIR_PAIRS", "") == "all"
SEED = int(os.environ.get("WEIR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
SHOWN = 12  # faults that are told in full
BITS = [(do, cd) for do in (False, True) for cd in (False, True)]
WAIT = 20.0
AT_ONCE = 3000
STREAMS = 24  # that one client has open then; it may have 64
FILLINGS = 4
LOGGED = 100_000
FRESH, SILENT, DEAD, CHANGED, BACK = "fresh", "silent", "dead", "changed", "back"
# What an administrator adds while the servers are dead, and what that means.
OWN_RULES = ((Q_NAMES, "--allow"), (PLAIN_NAMES,))
OWN = {"q": "allow", "plain": "block"}

NAMES, SERVED, ABOVE = build()
internet: SignedInternet


def setUpModule() -> None:
    global internet
    internet = SignedInternet(Path(os.environ["WEIR_E2E_FOLDER"]) / "pairs", zones=SERVED, above=ABOVE)
    internet.__enter__()


def tearDownModule() -> None:
    internet.__exit__()


@dataclass(frozen=True)
class Asked:
    treatment: Treatment
    name: Name
    do: bool
    cd: bool
    tcp: bool
    left: str = ""  # how somebody with the same question has gone away just before

    def __str__(self) -> str:
        words = [word for word, there in (("+do", self.do), ("+cd", self.cd), ("+tcp", self.tcp)) if there]
        return " ".join([f"{self.treatment.name}: {self.name.qname} {self.name.type}", *words,
                         *([f"behind {self.left}"] if self.left else [])])


class Pairs(Case):
    TREATMENTS: list[Treatment] = []
    PHASES: tuple[str, ...] = ()
    RESOLVER_KEYS = f"""
[cache]
stale_wait = "150ms"
stale_ttl = "7s"
stale_recheck = "5s"
max_negative_ttl = "4s"
"""

    @classmethod
    def setUpClass(cls) -> None:
        cls.LISTS = {name: text for name, (_, text) in list_files(NAMES, cls.TREATMENTS).items()}
        cls.BODY = configuration(NAMES, cls.TREATMENTS)
        cls.ADDRESSES = tuple(client_of(treatment, cls.TREATMENTS) for treatment in cls.TREATMENTS)
        super().setUpClass()
        cls.addClassCleanup(lambda: [client.close() for client in cls.clients.values()])
        cls.clients = {treatment: Client(cls.weir.server, client_of(treatment, cls.TREATMENTS))
                       for treatment in cls.TREATMENTS}

    @classmethod
    def hints(cls) -> Path:
        return internet.hints

    @classmethod
    def trust_anchor(cls) -> Path:
        return internet.anchor

    @classmethod
    def await_lists(cls) -> None:
        """All are imported at the start; asking for each of them again would take seconds."""
        dns.wait_until(lambda: cls.weir.figure("weir_lists_never_loaded") == 0 and cls.weir.figure("weir_generation") > 0, 60,
                       "all lists are loaded", every=0.05)

    def setUp(self) -> None:
        self.chance = random.Random(SEED)
        self.faults: list[str] = []
        self.asked = self.gone = 0
        self.pairs: set[tuple] = set()
        self.quiet: list[tuple[Asked, object, list[Reply | None]]] = []  # nothing must come, or one of these
        self.must_log: dict[tuple[str, str, str], set[tuple[str, str]]] = {}
        self.may_log: set[tuple[str, str, str]] = set()
        self.bodies: dict[tuple, bytes] = {}
        self.parsed: dict[bytes, dns.Answer] = {}
        self.phase = FRESH

    # ---- one question -----------------------------------------------------------------------------------------------

    def body(self, asked: Asked) -> bytes:
        key = (asked.name.qname, asked.name.type, asked.do, asked.cd)
        if key not in self.bodies:
            self.bodies[key] = dns.query(asked.name.qname, asked.name.type, do=asked.do, cd=asked.cd)[2:]
        return self.bodies[key]

    def expected(self, asked: Asked) -> tuple[list[Reply | None], Verdict | None]:
        old = {FRESH: False, BACK: None}.get(self.phase, True)
        reachable = {FRESH: True, BACK: None}.get(self.phase, False)
        possible, verdict = expected(asked.treatment, asked.name, do=asked.do, cd=asked.cd, tcp=asked.tcp, old=old,
                                     reachable=reachable, own=OWN if self.phase == CHANGED else None)
        if reachable is False and asked.name not in self.kept and (verdict is None or verdict.at > 0):
            possible = [*possible, SERVFAIL]
        return possible, verdict

    def begin(self, asked: Asked):
        """Sends it; what it returns is for finish()."""
        possible, verdict = self.expected(asked)
        self.note(asked, possible, verdict)
        return asked, possible, self.clients[asked.treatment].begin(self.body(asked), asked.tcp)

    def finish(self, begun) -> None:
        asked, possible, pending = begun
        if None in possible and not asked.tcp:
            self.quiet.append((asked, pending, possible))
            return
        try:
            reply = pending.reply(WAIT)
        except OSError as error:
            self.faults.append(f"{self.phase}: {asked}: {error}")
            return
        self.check(asked, possible, reply)

    def ask(self, asked: Asked) -> None:
        self.finish(self.begin(asked))

    def leave(self, asked: Asked, way: str) -> None:
        """Somebody asks the same, and is gone."""
        self.gone += 1
        possible, verdict = self.expected(replace(asked, tcp=way != "udp"))
        if verdict is not None:
            self.may_log.add((asked.treatment.name, asked.name.qname, asked.name.type))
        self.clients[asked.treatment].leave(self.body(asked), way, None not in possible)

    def check(self, asked: Asked, possible: list[Reply | None], reply: bytes | None) -> None:
        if reply is None:
            if None not in possible:
                self.faults.append(f"{self.phase}: {asked}: no answer")
            return
        found = self.parsed.get(reply[2:])
        if found is None:
            found = self.parsed[reply[2:]] = dns.parse(reply)
        if found.question != (asked.name.qname + ".", asked.name.type):
            self.faults.append(f"{self.phase}: {asked}: the answer is to {found.question}")
            return
        faults = [one.fault(found, do=asked.do, cd=asked.cd) for one in possible if one is not None]
        if all(faults) or not faults:
            self.faults.append(f"{self.phase}: {asked}: {faults[0] if faults else 'an answer'}\n{found}")

    def note(self, asked: Asked, possible: list[Reply | None], verdict: Verdict | None) -> None:
        """That it was asked, and what the log has to say of it."""
        self.asked += 1
        values = (("policy", asked.treatment.name), ("name", asked.name.kind), ("age", self.phase), ("CD", asked.cd),
                  ("DO", asked.do), ("TCP", asked.tcp), ("left", asked.left))
        self.pairs.update(itertools.combinations(values, 2))
        key = (asked.treatment.name, asked.name.qname, asked.name.type)
        if verdict is None:
            return
        self.may_log.add(key)
        if len(possible) == 1:
            self.must_log.setdefault(key, set()).add((verdict.list, verdict.link))

    # ---- many -------------------------------------------------------------------------------------------------------

    def combinations(self, name: Name, share: float) -> list[Asked]:
        """Who asks for it how; the open group sets every mix of flags, so that the cache has what there is."""
        found = [Asked(OPEN, name, do, cd, self.chance.random() < 0.5) for do, cd in BITS]
        for treatment in self.TREATMENTS:
            ways = [Asked(treatment, name, do, cd, tcp) for do, cd in BITS for tcp in (False, True)]
            found += ways if ALL else self.chance.sample(ways, max(1, round(share * len(ways))))
        return found

    def leaving(self, name: Name) -> list[Asked]:
        """Those before whom somebody goes away."""
        if ALL and self.phase == FRESH:
            return [Asked(treatment, name, do, cd, self.chance.random() < 0.5, way) for treatment in self.TREATMENTS
                    for do, cd in BITS for way in LEAVING]
        some = self.chance.sample(self.TREATMENTS, max(len(LEAVING), round(0.3 * len(self.TREATMENTS))))
        ways = self.chance.sample(list(LEAVING), len(LEAVING))
        return [Asked(treatment, name, *self.chance.choice(BITS), self.chance.random() < 0.5, way)
                for treatment, way in zip(some, itertools.cycle(ways))]

    def in_order(self, name: Name, questions: list[Asked]) -> list[Asked]:
        """So that each kind of question finds what another has left in the cache."""
        self.chance.shuffle(questions)
        if name.order == 0:
            questions.sort(key=lambda asked: (not asked.cd, asked.tcp, asked.treatment is not OPEN))
        elif name.order == 1:
            questions.sort(key=lambda asked: (asked.treatment is OPEN, asked.cd, not asked.tcp))
        return questions

    def burst(self, name: Name, share: float) -> None:
        questions = self.combinations(name, share)
        leaving = self.leaving(name)
        if name.order == 2:  # nobody who has come stays
            for asked in leaving:
                self.leave(asked, asked.left)
        for asked in self.in_order(name, questions + leaving):
            if asked.left:
                self.leave(asked, asked.left)
            self.ask(asked)
        self.parsed.clear()

    def fill(self, names: list[Name]) -> None:
        """Notes of which name the cache has an answer for each set of flags that can be old later. In the last second of
        one of its RRsets none is stored, so where aliases lead on some may have none."""
        self.kept: set[Name] = set()
        for _ in range(FILLINGS):
            for name in [name for name in names if name not in self.kept]:
                answers = [self.weir.ask(name.qname, name.type, do=do, cd=cd, source=self.clients[OPEN].address)
                           for do, cd in BITS]
                if all(record.ttl > 0 for answer in answers for record in answer.answer + answer.authority):
                    self.kept.add(name)
        self.filled = time.monotonic()
        self.assertGreater(len(self.kept), 0.5 * len(names), "most can be old")

    def at_once(self, names: list[Name]) -> None:
        """All of it waits for servers that are silent."""
        questions: list[Asked] = []
        for name in names:
            found = self.combinations(name, 0.125)
            questions += self.chance.sample(found, min(len(found), 160 if ALL else 14))
        self.chance.shuffle(questions)
        for start in range(0, len(questions), AT_ONCE):
            begun, streams = [], collections.Counter()
            for asked in questions[start:start + AT_ONCE]:
                if asked.tcp and streams[asked.treatment] >= STREAMS:
                    asked = replace(asked, tcp=False)
                streams[asked.treatment] += asked.tcp
                if self.chance.random() < 0.3:
                    asked = replace(asked, left=self.chance.choice([way for way in LEAVING if way != "middle"]))
                    self.leave(asked, asked.left)
                begun.append(self.begin(asked))
            for one in begun:
                self.finish(one)
        self.parsed.clear()

    def await_old(self) -> None:
        """Until all that the cache has of the zones has expired."""
        dns.wait_until(lambda: time.monotonic() > self.filled + TTL + 1, WAIT, "what is known has expired")

    def check_quiet(self) -> None:
        """What should have got no answer has none by now."""
        dns.wait_until(lambda: self.weir.figure("weir_resolutions_in_flight") == 0, WAIT, "all resolutions have ended", every=0.05)
        for asked, pending, possible in self.quiet:
            self.check(asked, possible, pending.reply(0))
        self.quiet.clear()

    def logged(self, group: str) -> list[dict]:
        """The decisions on its questions. An answer has room for the newest some thousand, so it takes several; the log's
        blocks overlap a little in time."""
        rows: list[dict] = []
        until = ""
        while True:
            found = control.request(self.weir.run_folder / "sidecar.sock", "log.search", group=group, limit=LOGGED,
                                    **({"until": until} if until else {}))
            rows += found["rows"]
            if found["complete"]:
                return rows
            oldest = datetime.fromisoformat(found["rows"][0]["time"].replace("Z", "+00:00"))
            until = (oldest + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def check_log(self) -> None:
        """Each block is there with the list and the part that decided, and nothing that was not blocked is."""
        for treatment in self.TREATMENTS:
            wanted = {(name, type, *words) for (group, name, type), them in self.must_log.items() if group == treatment.name
                      for words in them}
            found: set[tuple] = set()
            classes: set[str] = set()

            def complete() -> bool:
                for row in self.logged(treatment.name):
                    classes.add(row["class"])
                    link = "rebinding" if row["class"] == "rebinding" else row["link"]
                    if row["class"] in ("blocked", "rebinding"):
                        found.add((row["name"], row["type"], row.get("list", ""), link))
                return wanted <= found

            try:
                dns.wait_until(complete, WAIT, "the log has all blocks", every=0.3)
            except TimeoutError:
                self.faults += [f"log: {treatment.name} {row} is not there" for row in sorted(wanted - found)]
            self.faults += [f"log: {treatment.name} {row} was not to be blocked" for row in sorted(found)
                            if (treatment.name, row[0], row[1]) not in self.may_log]
            if ("would_block" in classes) != treatment.observes:
                self.faults.append(f"log: {treatment.name} {classes}")

    def check_pairs(self, kinds: set[str]) -> None:
        """That the sample was one of all pairs."""
        dimensions = {"policy": [treatment.name for treatment in self.TREATMENTS], "name": sorted(kinds),
                      "age": [phase for phase in self.PHASES if phase != BACK], "CD": [False, True], "DO": [False, True],
                      "TCP": [False, True], "left": ["", *LEAVING]}
        wanted = {((one, a), (other, b)) for one, other in itertools.combinations(dimensions, 2)
                  for a in dimensions[one] for b in dimensions[other]}
        # Who waits for silent servers is alone on his connection.
        wanted.discard((("age", SILENT), ("left", "middle")))
        self.assertEqual(sorted(map(str, wanted - self.pairs)), [])

    def run_pairs(self) -> None:
        print(f"    WEIR_SEED={SEED}{' WEIR_PAIRS=all' if ALL else ''}", flush=True)
        process = self.weir.resolver.process.pid, self.weir.sidecar.process.pid
        by_kind: dict[str, list[Name]] = {}
        for name in NAMES:
            by_kind.setdefault(name.kind, []).append(name)
        names = [self.chance.choice(them) for them in by_kind.values()]
        self.chance.shuffle(names)
        for self.phase in self.PHASES:
            getattr(self, f"phase_{self.phase}")(names)
            self.check_quiet()
        self.check_log()
        print(f"    {self.asked} questions, {self.gone} whose client went away, {len(self.pairs)} pairs", flush=True)
        self.assertEqual(self.faults[:SHOWN], [], f"{len(self.faults)} faults, WEIR_SEED={SEED}\n" + "\n".join(
            self.faults[:SHOWN]))
        self.check_pairs(set(by_kind))
        self.assertEqual((self.weir.resolver.process.pid, self.weir.sidecar.process.pid), process)
        self.assertTrue(self.weir.resolver.running() and self.weir.sidecar.running())
        for name in ("weir_broken_invariants_total", "weir_decision_drops_total", "weir_receive_drops_total",
                     "weir_tcp_refused_total", "weir_overloaded_total"):
            self.assertEqual(self.weir.figure(name), 0, name)
        dns.wait_until(lambda: self.weir.figure("weir_tcp_connections") == 0, WAIT, "nothing is left of who went away")

    def phase_fresh(self, names: list[Name]) -> None:
        for name in names:
            self.burst(name, 0.125)
        self.fill(names)

    def phase_silent(self, names: list[Name]) -> None:
        self.await_old()
        for address in (FIRST, WATCHED):
            internet.server(address).fall_silent()
        self.at_once(names)

    def phase_dead(self, names: list[Name]) -> None:
        self.await_old()
        for address in (FIRST, WATCHED):
            server = internet.server(address)
            server.kill()
            self.addCleanup(server.start)
        for name in names:
            self.burst(name, 0.125)

    def phase_changed(self, names: list[Name]) -> None:
        """Old answers, under rules that came after them."""
        for words in OWN_RULES:
            self.weir.done("rule", "add", *words)
        for name in names:
            self.burst(name, 0.125)
        for words in OWN_RULES:
            self.weir.done("rule", "remove", *words)

    def phase_back(self, names: list[Name]) -> None:
        self.doCleanups()
        for name in names:
            self.burst(name, 0.125)
        name = next(name for name in names if name.kind == "plain A secure")
        dns.wait_until(lambda: not (answer := self.weir.ask(name.qname, source=self.clients[OPEN].address, do=True)).ede
                       and answer.authentic, WAIT, f"{name.qname} is new again")


class PairsTest(Pairs):
    TREATMENTS = [*MODES, *ZONES]
    PHASES = (FRESH, SILENT, DEAD, CHANGED, BACK)

    # SEMANTICS 4: policy applies whatever DO or CD say
    # SEMANTICS 4: A bogus upstream answer stays SERVFAIL;
    # SEMANTICS 4: response-address rules see validated data only.
    # SEMANTICS 5.0: so a blocked link wins over a later SERVFAIL.
    # SEMANTICS 5.0: A bogus answer stays SERVFAIL unless the QNAME or an earlier, validated or unsigned, link is blocked.
    # SEMANTICS 5.2: answer at the QNAME with the block mode, the chain stripped, the log naming the link.
    # SEMANTICS 5.5: So a change of policy never flushes anything
    # SEMANTICS 5.6: Prefetch and serve-stale are subject to the verdict of the moment of the answer, not of the fetch.
    # SEMANTICS 6: a QNAME allowed by rule passes its whole chain and its addresses
    def test_all_pairs(self) -> None:
        self.run_pairs()


class NameServerPairsTest(Pairs):
    """Rules on name servers."""
    TREATMENTS = NAME_SERVER_ZONES
    PHASES = (FRESH, DEAD, BACK)

    def test_all_pairs(self) -> None:
        self.run_pairs()


del Pairs
