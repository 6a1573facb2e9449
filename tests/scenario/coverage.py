#!/usr/bin/env python3
"""Which sections of which RFC have scenarios of the project's own: a table in Markdown.

tests/scenario/coverage.py [FOLDER]: files are FOLDER/rfcNNNN/SECTION-what.rpl; sections of an RFC that the table
SECTIONS names and no scenario has are shown too.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

OWN = Path(__file__).resolve().parent / "own"
FILE = re.compile(r"^(?P<section>\d+(?:\.\d+)*)-(?P<what>[a-z0-9-]+)\.rpl$")
TITLE = re.compile(r"^SCENARIO_BEGIN\s+(.*?)\s*$", re.MULTILINE)

# What a resolver owes: the sections that say so, and in a word what.
SECTIONS = {
    1034: {"3.6.2": "aliases", "4.3.2": "referrals", "5.3.3": "choice of servers"},
    1035: {"3.2.1": "TTL", "4.1.1": "header", "4.1.4": "compression"},
    2181: {"5.2": "one TTL an RRset", "5.4.1": "credibility"},
    2308: {"2.1": "name errors", "2.2": "no data", "5": "negative TTL"},
    3597: {"3": "unknown types", "4": "compression in RDATA"},
    4035: {"3.1.4.1": "DS at the parent", "3.2.1": "DO", "3.2.2": "CD", "3.2.3": "AD", "4.3": "states of security",
           "5.3.3": "TTL of what is signed", "5.3.4": "wildcards", "5.4": "denial"},
    4343: {"4.1": "case"},
    5155: {"8.4": "name errors", "8.5": "no data", "8.6": "DS", "8.7": "no data at a wildcard",
           "8.8": "wildcards", "9.2": "opt-out"},
    6052: {"3.1": "the well-known prefix"},
    6147: {"5.1.1": "AAAA exists", "5.1.2": "name errors", "5.1.4": "special addresses", "5.1.5": "aliases",
           "5.1.7": "AAAA from A", "5.3.1": "PTR", "5.5": "DNSSEC"},
    6303: {"3": "empty zones", "4.1": "RFC 1918", "4.2": "other IPv4", "4.3": "IPv6", "5": "configured otherwise"},
    6672: {"2.2": "substitution"},
    6761: {"6.2": "test", "6.3": "localhost", "6.4": "invalid", "6.5": "example"},
    6762: {"22.1": "local"},
    6840: {"4.1": "delegations", "5.7": "AD in queries", "5.9": "CD upstream"},
    6891: {"6.1.3": "versions", "7": "servers without EDNS"},
    7646: {"2": "negative trust anchors"},
    7686: {"2": "onion"},
    7766: {"5": "truncation"},
    7793: {"4": "shared address space"},
    7873: {"5.2": "server cookies", "5.3": "client cookies", "5.4": "queries without a question"},
    8020: {"2": "names below a denied one"},
    8109: {"4": "priming"},
    8198: {"5.1": "NSEC", "5.2": "NSEC3", "5.3": "wildcards"},
    8375: {"4": "home.arpa"},
    8482: {"4": "ANY"},
    8767: {"4": "stale data", "5": "timers"},
    8880: {"7.1": "ipv4only.arpa"},
    8914: {"4.8": "expired", "4.9": "not yet valid", "4.10": "no key", "4.23": "no reachable authority"},
    9018: {"4.3": "age of a cookie"},
    9156: {"2.3": "bound on queries", "3": "minimisation and fallback"},
    9276: {"3.2": "NSEC3 iterations"},
    9460: {"4": "SVCB and HTTPS"},
    9462: {"6.4": "resolver.arpa"},
    9476: {"2": "alt"},
    9520: {"3.2": "failures are cached"},
}


def order(section: str) -> tuple[int, ...]:
    return tuple(int(part) for part in section.split("."))


def scenarios(folder: Path) -> dict[int, dict[str, list[str]]]:
    """RFC -> section -> titles. Raises ValueError for a file that is named otherwise."""
    found: dict[int, dict[str, list[str]]] = {}
    for path in sorted(folder.rglob("*.rpl")):
        rfc = re.fullmatch(r"rfc(\d+)", path.parent.name)
        name = FILE.match(path.name)
        if not rfc or not name:
            raise ValueError(f"{path.relative_to(folder)}: expected rfcNNNN/SECTION-what.rpl")
        title = TITLE.search(path.read_text())
        found.setdefault(int(rfc[1]), {}).setdefault(name["section"], []).append(title[1] if title else path.name)
    return found


def table(folder: Path) -> str:
    found = scenarios(folder)
    lines = ["| RFC | section | | scenarios |", "|---|---|---|---|"]
    missing = 0
    for rfc in sorted(SECTIONS.keys() | found.keys()):
        known = SECTIONS.get(rfc, {})
        for section in sorted(known.keys() | found.get(rfc, {}).keys(), key=order):
            titles = found.get(rfc, {}).get(section, [])
            missing += not titles
            lines.append(f"| {rfc} | {section} | {known.get(section, '')} | {'; '.join(titles) or '**none**'} |")
    total = sum(len(titles) for sections in found.values() for titles in sections.values())
    return "\n".join([*lines, "", f"{total} scenarios; {missing} sections have none."])


if __name__ == "__main__":
    print(table(Path(sys.argv[1]) if len(sys.argv) > 1 else OWN))
