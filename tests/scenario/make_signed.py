#!/usr/bin/env python3
"""Signed records for scenarios: small zones below example.org, whose signatures are the same in every run.

    tests/scenario/make_signed.py                  the zones' names, and of each every record
    tests/scenario/make_signed.py --fill FILE...   puts records in the place of lines that begin with @

The key and the dates stand here and Ed25519 signatures hold nothing random (RFC 8032 section 5.1.6), so that a file can
get further records years later, from the same zone. Its clock must stand at CLOCK: `val-override-date`. Lines are

    @trust-anchor                 the configuration line with the key that signs all zones of this file
    @ZONE rrset OWNER TYPE        records with their signature
    @ZONE records OWNER TYPE      records alone
    @ZONE signature OWNER TYPE    their signature alone; with "as NAME" behind it, as a wildcard's records have it
    @ZONE match NAME              the NSEC or NSEC3 whose owner is the name or its hash, with signature
    @ZONE cover NAME              the one in whose span the name or its hash lies, with signature

What is to be broken is broken by hand afterwards: another address below a signature, a proof left out. ldns-signzone
signs; scenarios that are filled in need nothing.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

CLOCK = "20300115000000"
INCEPTION, EXPIRATION = "20300101000000", "20300201000000"
SECONDS_OF_A_RUN = 60

ALGORITHM = "015"  # Ed25519
PRIVATE_KEY = "8TXWWkNkGSLv2QtZBHeP4dZ+5nHVFEFgdacyzhDSPZk="
PUBLIC_KEY = "o9E+2k9QdF2u7biEzsj5cLW7mrbJeEy0xVyenjhzAsw="
KEY_TAG = "57327"
DNSKEY = f"IN DNSKEY 257 3 15 {PUBLIC_KEY}"
DS = f"{KEY_TAG} 15 2"  # and the digest, which the owner's name goes into

APEX = """\
@ 3600 SOA ns1.example.org. hostmaster.example.org. 1 7200 900 1209600 300
@ 3600 NS ns1.example.org.
"""
FULL = APEX + """\
ns1 3600 A 198.51.100.3
www 600 A 192.0.2.1
alias 600 CNAME www.example.org.
outside 600 CNAME www.child.example.org.
host.deep 600 A 192.0.2.2
*.wild 600 A 192.0.2.3
child 3600 NS ns1.child.example.org.
ns1.child 3600 A 198.51.100.4
sub 3600 NS ns1.sub.example.org.
sub 3600 DS {ds}
ns1.sub 3600 A 198.51.100.5
"""
SMALL = APEX + """\
ns1 3600 A 198.51.100.3
www 600 A 192.0.2.1
"""


@dataclass(frozen=True)
class Zone:
    origin: str
    records: str
    options: tuple[str, ...] = ()  # of ldns-signzone
    added: str = ""  # after signing: unsigned delegations that opt-out leaves without an NSEC3


ZONES = {
    "nsec": Zone("example.org.", FULL),
    "nsec3": Zone("example.org.", FULL, ("-n", "-t", "0")),
    "optout": Zone("example.org.", SMALL, ("-n", "-t", "0", "-p"),
                   "child.example.org. 3600 IN NS ns1.child.example.org.\nns1.child.example.org. 3600 IN A 198.51.100.4\n"),
    "iterations50": Zone("example.org.", SMALL, ("-n", "-t", "50")),
    "iterations51": Zone("example.org.", SMALL, ("-n", "-t", "51")),
    "sub": Zone("sub.example.org.", "@ 3600 SOA ns1 hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns1\n"
                                    "ns1 3600 A 198.51.100.5\nwww 600 A 192.0.2.5\n"),
}

Record = tuple[str, str, str, str, str]  # owner, TTL, class, type, data


def wire(name: str) -> bytes:
    labels = [label for label in name.lower().rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def ds(name: str) -> str:
    """RFC 4034 section 5.1.4, SHA-256."""
    rdata = bytes([1, 1, 3, 15]) + base64.b64decode(PUBLIC_KEY)
    return f"{DS} {hashlib.sha256(wire(name) + rdata).hexdigest()}"


def nsec3_hash(name: str, iterations: int) -> str:
    """RFC 5155 section 5, without salt."""
    digest = hashlib.sha1(wire(name)).digest()
    for _ in range(iterations):
        digest = hashlib.sha1(digest).digest()
    return base64.b32hexencode(digest).decode().lower()


def canonical(name: str) -> list[str]:
    """Sorts as RFC 4034 section 6.1 says."""
    return name.lower().rstrip(".").split(".")[::-1]


def signed(zone: Zone) -> list[Record]:
    with tempfile.TemporaryDirectory() as folder:
        key = f"K{zone.origin}+{ALGORITHM}+{KEY_TAG}"
        Path(folder, f"{key}.private").write_text(
            f"Private-key-format: v1.2\nAlgorithm: 15 (ED25519)\nPrivateKey: {PRIVATE_KEY}\n")
        Path(folder, f"{key}.key").write_text(f"{zone.origin} {DNSKEY}\n")
        Path(folder, "zone").write_text(f"$ORIGIN {zone.origin}\n$TTL 3600\n"
                                        + zone.records.format(ds=ds("sub.example.org")))
        ran = subprocess.run(["ldns-signzone", *zone.options, "-i", INCEPTION, "-e", EXPIRATION, "-f", "signed", "zone",
                              key], cwd=folder, capture_output=True, text=True, timeout=SECONDS_OF_A_RUN)
        if ran.returncode != 0:
            raise RuntimeError(f"ldns-signzone: {ran.stderr}")
        text = Path(folder, "signed").read_text() + zone.added
    lines = [line.split(";")[0].split(None, 4) for line in text.splitlines() if line.strip()]
    return [(owner, ttl, cls, kind, data.strip().replace("  ", " ")) for owner, ttl, cls, kind, data in lines]


def covers(record: Record) -> str:
    return record[4].split()[0] if record[3] == "RRSIG" else ""


def records_of(zone: list[Record], owner: str, kind: str) -> list[Record]:
    found = [record for record in zone if record[0] == owner and record[3] == kind]
    if not found:
        raise ValueError(f"there is no {owner} {kind}")
    return found


def signatures_of(zone: list[Record], owner: str, kind: str) -> list[Record]:
    return [record for record in zone if record[0] == owner and covers(record) == kind]


def proof(zone: list[Record], how: str, name: str) -> list[Record]:
    chain = [record for record in zone if record[3] in ("NSEC", "NSEC3")]
    for owner, _, _, kind, data in chain:
        fields = data.split()
        if kind == "NSEC":
            begin, end, wanted = canonical(owner), canonical(fields[0]), canonical(name)
        else:
            begin, end, wanted = [owner.split(".")[0]], [fields[4]], [nsec3_hash(name, int(fields[2]))]
        inside = begin < wanted < end if begin < end else wanted > begin or wanted < end
        if begin == wanted if how == "match" else inside:
            return [*records_of(zone, owner, kind), *signatures_of(zone, owner, kind)]
    raise ValueError(f"no NSEC or NSEC3 would {how} {name}")


def answer(zones: dict[str, list[Record]], words: list[str]) -> list[str]:
    if words == ["trust-anchor"]:
        return [f'\ttrust-anchor: "example.org. {DNSKEY}"']
    if words[0] not in zones:
        zones[words[0]] = signed(ZONES[words[0]])
    zone = zones[words[0]]
    match words[1:]:
        case ["match" | "cover" as how, name]:
            found = proof(zone, how, name)
        case ["rrset", owner, kind]:
            found = records_of(zone, owner, kind) + signatures_of(zone, owner, kind)
        case ["records", owner, kind]:
            found = records_of(zone, owner, kind)
        case ["signature", owner, kind]:
            found = signatures_of(zone, owner, kind)
        case ["signature", owner, kind, "as", name]:
            found = [(name, *record[1:]) for record in signatures_of(zone, owner, kind)]
        case _:
            raise ValueError(f"@{' '.join(words)}: no such line")
    return [" ".join(record) for record in found]


def fill(text: str) -> str:
    zones: dict[str, list[Record]] = {}
    lines: list[str] = []
    section = 0  # where it begins: a record that serves for two parts of a proof stands in it once
    for line in text.splitlines():
        if line.strip().startswith("@"):
            lines += [got for got in answer(zones, line.strip()[1:].split()) if got not in lines[section:]]
        else:
            lines.append(line)
            section = len(lines) if line.startswith("SECTION") else section
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--fill"] and len(arguments) > 1:
        for path in map(Path, arguments[1:]):
            path.write_text(fill(path.read_text()))
    elif not arguments:
        print(f"; the clock: {CLOCK}\n" + "\n".join(answer({}, ["trust-anchor"])))
        for name, zone in ZONES.items():
            print(f"\n; {name}")
            print("\n".join(" ".join(record) for record in signed(zone)))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
