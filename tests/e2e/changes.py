"""Every kind of change that weir acknowledges, with a model of what holds after it, and a check of all of it at once.

A `State` is what is in force; a `Change` is one command and the state behind it. `ChangingCase.shows_state` compares a
state with the resolver's answers, and `agrees` with what the sidecar says too. Generation numbers map to states, so that
a roll-back knows where it leads.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field, replace

from tests.e2e.case import BULK, NULL, Case
from tests.support import namespace
from tests.support.daemons import Ran
from tests.support.nth_call import NthCall
from tests.support.primaries import FakePrimary
from tests.support.small_internet import CLIENT, KID

PRIMARY = "10.78.0.9"
VERSIONS = 4  # of the large list; the source goes back to an earlier one now and then
PROBES = 8  # names of each version, spread over the list
# Of the guarded list's versions: going from any of them to another trips a guard. More than a refused change or two leaves
# remembered.
GUARDED_SIZES = [12, 40, 120, 360, 1080]
GUARDED_PROBES = [0, 11, 12, 20, 39, 40, 80, 119, 120, 359, 360, 1079]
ADDRESSES = ["192.0.2.240", "192.0.2.241"]  # that own rules answer, so that every rule shows
RULE_NAMES = ["r0.bulk.test", "r1.bulk.test", "f0.bulk.test", "f1.bulk.test"]
ALLOW_NAMES = ["f2.bulk.test", "f3.bulk.test"]
PAUSED_NAME = "f4.bulk.test"  # asked by a client of group kids
FIXED = "".join(f"f{number}.bulk.test\n" for number in range(5))
ALWAYS_BLOCKED, ALWAYS_OPEN = "always.bulk.test", "never.bulk.test"


@dataclass(frozen=True)
class State:
    big: int = 0  # version of the list
    zone: int = 1  # version of the transferred zone
    guarded: int = 40  # how many names
    rules: tuple[tuple[str, str], ...] = ()  # name, the address it is answered with; sorted
    allowed: tuple[str, ...] = ()  # by overlays; sorted
    paused: bool = False

    def with_rule(self, name: str, address: str | None) -> "State":
        others = [rule for rule in self.rules if rule[0] != name]
        return replace(self, rules=tuple(sorted(others + ([(name, address)] if address else []))))

    def answers(self) -> dict[tuple[str, str], list[str]]:
        """(name, client) -> A records, of every name whose answer some change may change."""
        rules = dict(self.rules)
        found = {}
        for version in range(VERSIONS):
            for number in range(PROBES):
                found[f"v{version}-{number}.bulk.test", CLIENT] = NULL if version == self.big else BULK
        for number in range(PROBES):
            found[f"z{number}.bulk.test", CLIENT] = [zone_address(self.zone)]
        for number in GUARDED_PROBES:
            found[f"g{number}.bulk.test", CLIENT] = NULL if number < self.guarded else BULK
        for name in RULE_NAMES:
            listed = NULL if name.startswith("f") else BULK
            found[name, CLIENT] = [rules[name]] if name in rules else listed
        for name in ALLOW_NAMES:
            found[name, CLIENT] = BULK if name in self.allowed else NULL
        found[PAUSED_NAME, CLIENT] = NULL
        found[PAUSED_NAME, KID] = BULK if self.paused else NULL
        return found


def zone_address(version: int) -> str:
    return f"192.0.2.{version % 200 + 1}"


@dataclass(frozen=True)
class Change:
    kind: str
    command: tuple[str, ...]
    after: State
    record: str  # what the audit log calls it
    held: bool | None = None  # of the guarded list behind it, where that changes
    status: int = 0  # that acknowledges it
    source: tuple[str, int] | None = None  # the list whose source this takes in, and the version that it has


@dataclass
class Seen:
    """What is known to be in force, and where each generation led."""

    state: State
    held: bool = False
    generation: int = 0
    of_generation: dict[int, State] = field(default_factory=dict)
    # Of each list: the versions of its source that the sidecar may remember as taken in, and whether a roll-back has
    # gone back from it since. Then an update with what is remembered changes nothing: the roll-back stands until the
    # source has something new.
    remembered: dict[str, frozenset[int]] = field(default_factory=lambda: {"big": frozenset({0}), "guarded": frozenset({40})})
    rolled_back: frozenset[str] = frozenset()
    waiting: int = 0  # the version of the guarded list that was to be held last

    def offers(self, name: str, versions: list[int]) -> list[int]:
        """Those that an update takes for new."""
        now = getattr(self.state, name)
        known = self.remembered[name] if name in self.rolled_back else frozenset()
        return [version for version in versions if version != now and version not in known]


class ChangingCase(Case):
    RULES = 1500  # of the large list, beside the names that are asked for
    BODY = f"""
[[list]]
name = "big"
source = "{{lists}}/big.hosts"
every = "365d"
in_use = 0

[[list]]
name = "zone"
zone = "faults.rpz"
primaries = ["{PRIMARY}"]
in_use = 0

[[list]]
name = "guarded"
source = "{{lists}}/guarded.domains"
every = "365d"
in_use = 0

[[list]]
name = "fixed"
source = "{{lists}}/fixed.domains"
every = "365d"

[[policy]]
name = "default"
lists = ["big", "zone", "guarded", "fixed"]

[[group]]
name = "kids"
clients = ["{KID}"]
policy = "default"
"""

    @classmethod
    def setUpClass(cls) -> None:
        namespace.add_addresses(PRIMARY)
        cls.primary = FakePrimary(PRIMARY, "faults.rpz")
        cls.addClassCleanup(cls.primary.close)
        cls.serve_zone(1)
        cls.LISTS = {"big.hosts": cls.big(0), "guarded.domains": cls.guarded(State.guarded),
                     "fixed.domains": FIXED + ALWAYS_BLOCKED + "\n"}
        super().setUpClass()
        if cls.START:
            cls.begin()

    @classmethod
    def begin(cls) -> None:
        state = State()
        cls.seen = Seen(state, False, cls.generation(), {cls.generation(): state})
        cls.audited: list[dict] = []  # what records() has seen

    @classmethod
    def big(cls, version: int) -> str:
        lines = [f"0.0.0.0 filler{number}.example\n" for number in range(cls.RULES)]
        lines += [f"0.0.0.0 only{version}-{number}.example\n" for number in range(cls.RULES // 10)]
        for number in range(PROBES):
            lines.insert((number * 7919 + version) % len(lines), f"0.0.0.0 v{version}-{number}.bulk.test\n")
        return "".join(lines)

    @staticmethod
    def guarded(names: int) -> str:
        return "".join(f"g{number}.bulk.test\n" for number in range(names))

    @classmethod
    def serve_zone(cls, version: int) -> None:
        cls.primary.set(version, {f"z{number}.bulk.test": zone_address(version) for number in range(PROBES)})

    @classmethod
    def generation(cls) -> int:
        return cls.weir.done("generation", "show", "--json").json["current"]

    # Changes. Each sets its source up and says what is to be run.

    def change(self, kind: str, dice: random.Random) -> Change | None:
        """One of this kind, or nothing where the state has none."""
        return getattr(self, "change_" + kind.replace(" ", "_"))(self.seen.state, dice)

    KINDS = ["import", "transfer", "hold", "approve", "rule add", "rule replace", "rule remove", "allow", "pause",
             "overlay end", "list rollback", "generation rollback"]

    def change_import(self, state: State, dice: random.Random) -> Change:
        versions = self.seen.offers("big", list(range(VERSIONS)))
        note = ""
        if not versions:  # any of them may be remembered: then a new edition of one
            versions = [version for version in range(VERSIONS) if version != state.big]
            note = f"# {len(self.records())} records later\n"
        version = dice.choice(versions)
        self.write_list("big.hosts", self.big(version) + note)
        return Change("import", ("list", "update", "big"), replace(state, big=version), "import", source=("big", version))

    def change_transfer(self, state: State, dice: random.Random) -> Change:
        version = self.primary.serial + 1
        self.serve_zone(version)
        return Change("transfer", ("list", "update", "zone"), replace(state, zone=version), "import")

    def change_hold(self, state: State, dice: random.Random) -> Change | None:
        versions = self.seen.offers("guarded", GUARDED_SIZES)
        # What a roll-back has brought already cannot be approved any more; another version takes its place.
        versions = [names for names in versions if names != self.seen.waiting]
        if (self.seen.held and self.seen.waiting != state.guarded) or not versions:
            return None
        self.seen.waiting = dice.choice(versions)
        self.write_list("guarded.domains", self.guarded(self.seen.waiting))
        return Change("hold", ("list", "update", "guarded"), state, "hold", held=True, status=3)

    def change_approve(self, state: State, dice: random.Random) -> Change | None:
        names = self.seen.waiting
        if not self.seen.held or names == state.guarded:  # a roll-back may have brought just it
            return None
        return Change("approve", ("list", "approve", "guarded", "--reason", "a test"), replace(state, guarded=names),
                      "approve", held=False, source=("guarded", names))

    def change_rule_add(self, state: State, dice: random.Random) -> Change | None:
        names = [name for name in RULE_NAMES if name not in dict(state.rules)]
        if not names:
            return None
        name, address = dice.choice(names), dice.choice(ADDRESSES)
        return Change("rule add", ("rule", "add", name, "--address", address), state.with_rule(name, address), "rule add")

    def change_rule_replace(self, state: State, dice: random.Random) -> Change | None:
        if not state.rules:
            return None
        name, was = dice.choice(state.rules)
        address = next(address for address in ADDRESSES if address != was)
        return Change("rule replace", ("rule", "add", name, "--address", address), state.with_rule(name, address),
                      "rule add")

    def change_rule_remove(self, state: State, dice: random.Random) -> Change | None:
        if not state.rules:
            return None
        name, _ = dice.choice(state.rules)
        return Change("rule remove", ("rule", "remove", name), state.with_rule(name, None), "rule remove")

    def change_allow(self, state: State, dice: random.Random) -> Change | None:
        names = [name for name in ALLOW_NAMES if name not in state.allowed]
        if not names:
            return None
        name = dice.choice(names)
        return Change("allow", ("allow", name, "--for", "2h", "--reason", "a test"),
                      replace(state, allowed=tuple(sorted((*state.allowed, name)))), "allow")

    def change_pause(self, state: State, dice: random.Random) -> Change | None:
        if state.paused:
            return None
        return Change("pause", ("pause", "--for", "2h", "--reason", "a test", "--group", "kids"),
                      replace(state, paused=True), "pause")

    def change_overlay_end(self, state: State, dice: random.Random) -> Change | None:
        shown = self.weir.done("overlay", "show", "--json").json["overlays"]
        if not shown:
            return None
        overlay = dice.choice(shown)
        after = (replace(state, paused=False) if overlay["kind"] == "pause" else
                 replace(state, allowed=tuple(name for name in state.allowed if name != overlay["name"].rstrip("."))))
        return Change("overlay end", ("overlay", "end", overlay["id"]), after, "overlay end")

    def change_list_rollback(self, state: State, dice: random.Random) -> Change | None:
        history = self.weir.done("list", "history", "big", "--json").json["imports"]
        # The state that a generation had is known; so is what its import of the list brought.
        known = [(entry["import"], self.seen.of_generation[entry["generation"]]) for entry in history
                 if entry["generation"] in self.seen.of_generation and entry["added"] + entry["removed"] > 0]
        known = [(number, then) for number, then in known if then.big != state.big]
        if not known:
            return None
        number, then = dice.choice(known[:5])
        return Change("list rollback", ("list", "rollback", "big", str(number)), replace(state, big=then.big),
                      "list rollback")

    def change_generation_rollback(self, state: State, dice: random.Random) -> Change | None:
        # Exceptions are not rolled back.
        known = [(number, replace(then, allowed=state.allowed, paused=state.paused))
                 for number, then in self.seen.of_generation.items()]
        known = [(number, then) for number, then in known if then != state]
        if not known:
            return None
        number, then = dice.choice(known[-12:])
        return Change("generation rollback", ("generation", "rollback", str(number)), then, "generation rollback")

    def needed(self, kind: str, dice: random.Random) -> Change:
        """One of this kind; what has to be there for it is made first."""
        needs = {"approve": "hold", "hold": "approve", "rule add": "rule remove", "rule replace": "rule add",
                 "rule remove": "rule add", "allow": "overlay end", "pause": "overlay end", "overlay end": "allow",
                 "list rollback": "import", "generation rollback": "import"}
        for _ in range(8):
            change = self.change(kind, dice)
            if change is not None:
                return change
            self.done_whole(self.needed(needs[kind], dice))
        raise AssertionError(f"there is no {kind} here")

    def done_whole(self, change: Change) -> None:
        before, records = self.seen, len(self.records())
        ran = self.weir.command(*change.command)
        self.assertEqual(ran.status, change.status, f"{change.command}: {ran}")
        self.settle(change, ran, before, records)

    def count(self, kind: str, calls: tuple[str, ...], dice: random.Random) -> int:
        """How many of `calls` (none: of all) the sidecar makes in a change of this kind; of those in its store, where
        they are named."""
        change = self.needed(kind, dice)
        before, records = self.seen, len(self.records())
        counter = NthCall(self.weir.sidecar.process.pid, calls, below=self.weir.store if calls else None)
        ran = self.weir.command(*change.command)
        counted = counter.stop().calls
        self.assertEqual(ran.status, change.status, f"{change.command}: {ran}")
        self.settle(change, ran, before, records)
        return counted

    @staticmethod
    def spread(count: int, points: int, dice: random.Random) -> list[int]:
        """1 .. count, or as many of them as `points`, evenly; 0: one at random."""
        if points == 0:
            return [dice.randint(1, count)]
        if points >= count:
            return list(range(1, count + 1))
        return sorted({1 + number * (count - 1) // max(1, points - 1) for number in range(points)})

    # What holds.

    def faults(self, state: State) -> list[str]:
        """Where the resolver's answers are not those of `state`."""
        found = []
        for (name, client), data in state.answers().items():
            answer = self.weir.ask(name, source=client)
            if answer.data("A") != data:
                found.append(f"{name} for {client}: {answer.data('A') or answer.rcode} instead of {data}")
        return found

    def in_force(self, candidates: list[State], told: object = "nothing was acknowledged") -> State:
        """The one of `candidates` that the resolver answers by; an error that shows how it differs from all of them.

        A sidecar killed between publishing and telling leaves it to the resolver to see the new generation (it looks
        once a second), perhaps in the middle of our questions: then they are asked once more. A mixture would stay.
        """
        for _ in range(2):
            differences = []
            for state in candidates:
                faults = self.faults(state)
                if not faults:
                    return state
                differences.append(faults)
        self.fail("half a change is in force:\n" + "\n".join(f"  {faults[:4]}" for faults in differences) +
                  f"\n{told}\n{self.weir.sidecar.output()[-2000:]}")

    def agrees(self, state: State, held: bool | None) -> None:
        """What the sidecar says of itself is `state` too, and its audit log is whole and complete.

        Where its disk failed it may still be putting right what that left behind: it tries each second.
        """
        deadline = time.monotonic() + 5
        while True:
            try:
                return self._agrees(state, held)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _agrees(self, state: State, held: bool | None) -> None:
        rules = [(rule["pattern"].rstrip("."), *rule["addresses"]) for rule in self.weir.done("rule", "show", "--json").json["rules"]]
        self.assertEqual(sorted(rules), list(state.rules))
        overlays = self.weir.done("overlay", "show", "--json").json["overlays"]
        self.assertEqual((sorted(o["name"].rstrip(".") for o in overlays if o["kind"] == "allow"),
                          any(o["kind"] == "pause" for o in overlays)), (list(state.allowed), state.paused))
        for overlay in overlays:
            self.assertEqual(overlay["reason"], "a test")
        if held is not None:
            self.assertEqual(self.is_held(), held)
        self.weir.done("audit", "verify")
        generations = {row["number"] for row in self.weir.done("generation", "show", "--json").json["generations"]}
        recorded = {record["generation"] for record in self.records()}
        self.assertEqual(generations - recorded, set(), "in force without a record")

    def is_held(self) -> bool:
        return "a newer version is held" in self.weir.done("list", "show", "guarded").out

    def records(self) -> list[dict]:
        """The whole audit log. Thousands of changes are made here, so only what came since the last look is asked for;
        of what was known, the newest must still be there."""
        known = self.audited
        for limit in (32, 100_000):
            newest = self.weir.done("audit", "show", "--limit", str(limit), "--json").json["records"]
            if known and known[-1] in newest:
                known.extend(newest[newest.index(known[-1]) + 1:])
                return known
        self.assertEqual(known, [], "records of the audit log are gone")
        known.extend(newest)
        return known

    def settle(self, change: Change, ran: Ran | None, before: Seen, records: int, told: object = None) -> bool:
        """Judges what one change left behind, however it ended, and makes that the known state. Whether it is in force.

        `ran`: what was acknowledged; None: nothing. `records`: how many the audit log had before. `told`: what to say of
        it where it was wrong.
        """
        acknowledged = ran is not None and ran.status == change.status
        state = self.in_force([change.after] if acknowledged else [before.state, change.after], told or ran)
        held = before.held
        if change.held is not None:
            held = self.is_held()
            if acknowledged:
                self.assertEqual(held, change.held)
        is_new = state == change.after and (change.after != before.state or held != before.held)
        self.agrees(state, held)
        number = self.generation()
        if state == before.state:
            self.assertGreaterEqual(number, before.generation)
        else:
            self.assertGreater(number, before.generation)
        if acknowledged:
            self.assertIn(change.record, [record["what"] for record in self.records()[records:]])
        remembered, rolled_back = dict(before.remembered), before.rolled_back
        if change.source and is_new:
            name, version = change.source
            remembered[name] = frozenset({version}) if acknowledged else remembered[name] | {version}
            rolled_back -= {name}
        elif is_new and "rollback" in change.kind:
            rolled_back |= {"big"} if change.kind == "list rollback" else {"big", "guarded"}
        type(self).seen = Seen(state, held, number, {**before.of_generation, number: state}, remembered, rolled_back,
                               before.waiting)
        return is_new
