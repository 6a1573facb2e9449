"""A generated world on real sockets (tests/world/serve), and what its oracle allows."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import daemons, dns, messages

PROGRAM = daemons.BUILD / "weir_world_servers"
NOERROR, SERVFAIL = 0, 2
RRSIG = 46

Record = tuple[bytes, int, bytes]  # owner, type, data; in wire format, letters folded


@dataclass(frozen=True)
class Said:
    """What is compared of an answer. Signatures are not: each validator looks at them itself."""

    rcode: int  # -1: nothing within the time
    ad: bool = False
    data: frozenset[Record] = frozenset()

    @staticmethod
    def of(reply: bytes) -> "Said":
        message = messages.read(reply)
        return Said(message.rcode, bool(message.flags & 0x0020),
                    frozenset((record.name.lower(), record.type, record.data.lower()) for record in message.answer
                              if record.type != RRSIG))

    def __str__(self) -> str:
        rcode = dns.RCODES[self.rcode] if 0 <= self.rcode < len(dns.RCODES) else "nothing" if self.rcode < 0 else self.rcode
        return f"{rcode}{' ad' if self.ad else ''} {len(self.data)} records"


@dataclass
class Outcome:
    rcode: int
    authentic: str  # required, either, forbidden
    part: bool  # of the data will do
    bogus: bool
    data: set[Record] = field(default_factory=set)

    def differs(self, said: Said) -> set[str]:
        """What of the answer is not as it should be: rcode, ad, data; for data of a bogus zone all of them."""
        if self.bogus:
            return {"rcode", "ad", "data"}
        right_data = bool(said.data) and said.data <= self.data if self.part and self.data else said.data == self.data
        right_ad = self.authentic == "either" or said.ad == (self.authentic == "required")
        return {word for word, right in (("rcode", said.rcode == self.rcode), ("ad", right_ad), ("data", right_data))
                if not right}

    def allows(self, said: Said) -> bool:
        return not self.differs(said)


@dataclass
class WorldQuestion:
    name: str
    type: int
    failure_allowed: bool
    why: str
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def must_fail(self) -> bool:
        return all(outcome.bogus for outcome in self.outcomes)

    def allows(self, said: Said) -> bool:
        if said.rcode in (SERVFAIL, -1):
            return self.failure_allowed or self.must_fail
        return any(outcome.allows(said) for outcome in self.outcomes)

    def differs(self, said: Said) -> set[str]:
        """From the outcome that is nearest."""
        return min((outcome.differs(said) for outcome in self.outcomes), key=len, default={"rcode", "ad", "data"})

    def __str__(self) -> str:
        return f"{self.name} {dns.TYPE_NAMES.get(self.type, f'TYPE{self.type}')}"


def read_questions(path: Path) -> list[WorldQuestion]:
    questions: list[WorldQuestion] = []
    for line in path.read_text().splitlines():
        kind, *words = line.split(" ")
        if kind == "Q":
            questions.append(WorldQuestion(words[0], int(words[1]), words[2] == "failure_allowed", " ".join(words[3:])))
        elif kind == "O":
            questions[-1].outcomes.append(Outcome(int(words[0]), words[1], words[2] == "part", words[3] == "bogus"))
        elif kind == "R":
            questions[-1].outcomes[-1].data.add((dns.wire_name(words[0]).lower(), int(words[1]),
                                                 bytes.fromhex(words[2][1:]).lower()))
    return questions


class ServedWorld:
    """A context manager: its servers' addresses on `lo`, and the servers on them."""

    def __init__(self, seed: int, folder: Path, *, feel: bool = False) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self._process = subprocess.Popen([str(PROGRAM), str(seed), str(folder), *(["feel"] if feel else [])],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._expect("written")
        self.hints, self.anchor = folder / "root.hints", folder / "anchor"
        self.addresses = (folder / "addresses").read_text().split()
        self.questions = read_questions(folder / "questions")

    def __enter__(self) -> "ServedWorld":
        self._change("replace")
        self._say()
        self._expect("ready")
        return self

    def __exit__(self, *_) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._change("del")

    def packets(self) -> int:
        """Queries to the servers so far."""
        self._say()
        _, over_udp, _, over_tcp = self._process.stdout.readline().split()
        return int(over_udp) + int(over_tcp)

    def _change(self, verb: str) -> None:
        commands = "".join(f"addr {verb} {address}/32 dev lo\n" for address in self.addresses)
        subprocess.run(["ip", "-batch", "-"], input=commands, text=True, check=True)

    def _say(self) -> None:
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def _expect(self, word: str) -> None:
        line = self._process.stdout.readline()
        if line != word + "\n":
            raise RuntimeError(f"{PROGRAM.name} said {line!r} instead of {word!r}")
