"""Questions about zones, by a seed: names in them, below them and beside them, all types, every mix of flags."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable

from tests.support import dns

# As clients ask, and then each type once more.
COMMON = ["A"] * 12 + ["AAAA"] * 4 + ["TXT"] * 3 + ["MX", "NS", "SOA", "CNAME", "HTTPS", "SRV"]
DNSSEC = ["DS", "DS", "DNSKEY", "DNSKEY", "NSEC", "NSEC3PARAM", "NSEC3", "RRSIG", "CDS", "CDNSKEY"]
RARE = ["ANY", "ANY", "PTR", "DNAME", "SVCB", "HINFO", "LOC", "NAPTR", "SSHFP", "TLSA", "SPF", "CAA", "TYPE65280",
        "TYPE65281", "TYPE10", "TYPE1234"]
LONGEST_NAME = 255


@dataclass(frozen=True)
class Question:
    name: str
    type: str = "A"
    do: bool = False
    cd: bool = False
    ad: bool = False
    edns: bool = True
    tcp: bool = False
    client: str = ""  # the address that it is asked from, where that matters

    @property
    def options(self) -> dict[str, bool]:
        return {"do": self.do, "cd": self.cd, "ad": self.ad, "edns": self.edns}

    def __str__(self) -> str:
        words = [f"+{word}" for word in ("do", "cd", "ad", "tcp") if getattr(self, word)] + ([] if self.edns else ["+noedns"])
        words += [f"+from={self.client}"] if self.client else []
        return " ".join([self.name or ".", self.type, *words])

    @staticmethod
    def of(text: str) -> "Question":
        """What str() gives."""
        name, type, *words = text.split()
        client = next((word.removeprefix("+from=") for word in words if word.startswith("+from=")), "")
        return Question("" if name == "." else name, type, edns="+noedns" not in words, client=client,
                        **{word: f"+{word}" in words for word in ("do", "cd", "ad", "tcp")})


def owners(zone: str, file: Path) -> list[str]:
    """Of the records in a zone file with one record a line; NSEC3's are no names that anybody asks for (RFC 5155 section
    7.2.8), and NSD gives no proof for names below them."""
    found = {}
    for line in file.read_text().splitlines():
        if not line or line[0] in "$; ":
            continue
        owner = line.split()[0]
        if " NSEC3 " in line:
            continue
        if owner == "@":
            owner = zone
        elif not owner.endswith(".") or owner.endswith("\\."):
            owner = f"{owner}.{zone}" if zone else owner
        found[owner.rstrip(".")] = None
    return list(found)


def _varied(name: str, zone: str, random: random.Random) -> str:
    """The name, or one near it."""
    kind = random.random()
    first, _, rest = name.partition(".")
    if kind < 0.5:
        return name
    if kind < 0.60:
        return f"x{random.randrange(4)}.{name}" if name else f"x{random.randrange(4)}"
    if kind < 0.66:
        return f"a.b.{name}" if name else "a.b"
    if kind < 0.74:
        return f"nothing{random.randrange(4)}.{zone}" if zone else f"nothing{random.randrange(4)}"
    if kind < 0.82:
        return re.sub(r"^\*", f"w{random.randrange(3)}", name)
    if kind < 0.88 and rest:
        return rest
    if kind < 0.94:
        return "".join(random.choice((letter.lower(), letter.upper())) for letter in name)
    if kind < 0.97 and rest:
        return f"{first}z.{rest}"
    return zone


def generate(zones: dict[str, list[str]], count: int, seed: int, seldom: Iterable[str] = ()) -> list[Question]:
    """`zones`: the names in each. Those whose name begins with a word of `seldom` are asked a tenth as often: each
    question there takes seconds."""
    chance = random.Random(seed)
    names = list(zones)
    weights = [0.1 if name.startswith(tuple(seldom)) else 1.0 for name in names]
    questions: dict[Question, None] = {}
    while len(questions) < count:
        zone = chance.choices(names, weights)[0]
        name = _varied(chance.choice(zones[zone]), zone, chance)
        if len(dns.wire_name(name)) > LONGEST_NAME or any(len(label) > 63 for label in name.split(".")):
            continue
        kind = chance.random()
        type = chance.choice(COMMON if kind < 0.7 else DNSSEC if kind < 0.88 else RARE)
        edns = chance.random() < 0.9
        questions[Question(name, type, do=edns and chance.random() < 0.6, cd=chance.random() < 0.2,
                           ad=chance.random() < 0.3, edns=edns, tcp=chance.random() < 0.1)] = None
    return list(questions)
