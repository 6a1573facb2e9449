"""A signed internet inside one's namespace, beside the small one: what DNSSEC promises, and each way of breaking it.

    .                 signed; a key of its own, whose DS (or DNSKEY) is the trust anchor
    ├─ test           signed, NSEC: the zones of ZONES, each by one algorithm, denial or fault
    └─ plain          unsigned; island.plain below it is signed and has no DS (an island of security)

ldns-signzone signs; a fault is made by editing the signed text, as is the DS that the parent publishes. Two zones are
signed by Knot, one of them while it answers. Keys and signatures are made anew for each run, and hold from an hour ago
for two weeks.
"""

from __future__ import annotations

import itertools
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterable

from tests.support import namespace
from tests.support.name_servers import Knot, NameServer, Nsd

ROOT, TLD, FIRST, SECOND, KNOT = "10.54.0.1", "10.54.0.2", "10.54.0.3", "10.54.0.4", "10.54.0.5"
INNER = "10.54.1.1"  # where tests/support/odd_servers.py finds what the zones hold; no delegation leads there
JOBS = 4  # zones that are signed at a time: signing is processes

Lines = list[list[str]]  # of a signed zone: owner, TTL, class, type, data
Edit = Callable[[Lines], Lines]

DAY = 86400
VALID = (-3600, 14 * DAY)  # seconds from now
# Beyond what a validator may put down to clocks that differ.
EXPIRED = (-30 * DAY, -5 * DAY)
FUTURE = (5 * DAY, 30 * DAY)


@dataclass(frozen=True)
class Zone:
    name: str
    records: str = ""  # below its origin; SOA, NS and the children's delegations are made
    servers: tuple[str, ...] = (FIRST,)
    algorithm: str | None = "ECDSAP256SHA256"  # none: unsigned
    denial: tuple[str, ...] = ()  # options of ldns-signzone; none: NSEC
    omit: frozenset[str] = frozenset()  # unsigned children without an NSEC3: what opt-out allows
    times: tuple[int, int] = VALID
    odd_times: dict[str, tuple[int, int]] = field(default_factory=dict)  # of the records at these names
    fault: Edit | None = None  # of the signed zone
    digest: str = "-2"  # of the DS: option of ldns-key2ds
    # What the parent publishes: four fields; several DS a line each; none: no DS.
    ds: Callable[[str], str] | None = lambda ds: ds
    apex: str | None = None  # NS records at the apex, where they are not those of `servers`
    delegation: str | None = None  # NS records and glue at the parent, where they are not those of `servers`
    hosts: tuple[str, ...] | None = None  # NSD serves it there, where not on `servers` (none: nowhere)


# ---- faults -------------------------------------------------------------------------------------------------------


def _covers(line: list[str]) -> str:
    return line[4].split()[0] if line[3] == "RRSIG" else ""


def without(*types: str, at: str | None = None) -> Edit:
    """Drops records of these types; "RRSIG:A" is a signature over A, "RRSIG" any."""
    def edit(lines: Lines) -> Lines:
        return [line for line in lines
                if not (at in (None, line[0]) and (line[3] in types or f"RRSIG:{_covers(line)}" in types))]
    return edit


def tampered(at: str, type: str, data: str) -> Edit:
    def edit(lines: Lines) -> Lines:
        return [[*line[:4], data] if line[0] == at and line[3] == type else line for line in lines]
    return edit


def both(*edits: Edit) -> Edit:
    def edit(lines: Lines) -> Lines:
        for one in edits:
            lines = one(lines)
        return lines
    return edit


def ds_with(*, algorithm: str = "", digest_type: str = "", digest: str = "") -> Callable[[str], str]:
    def edit(ds: str) -> str:
        tag, old_algorithm, old_type, old_digest = ds.split(None, 3)
        return f"{tag} {algorithm or old_algorithm} {digest_type or old_type} {digest or old_digest}"
    return edit


# ---- the zones ----------------------------------------------------------------------------------------------------

NSEC3 = ("-n", "-t", "0")
WWW = "www A 192.0.2.1\n"
# What the zones with nothing wrong hold.
FULL = """www A 192.0.2.1
www A 192.0.2.2
www AAAA 2001:db8::1
@ MX 10 www
@ TXT "an apex"
alias CNAME www
chain CNAME alias
dangling CNAME nothing
b.ent TXT "below an empty non-terminal"
*.wild A 192.0.2.3
fixed.wild A 192.0.2.4
*.wildalias CNAME www
"""

ZONES = [
    Zone("nsec.test", FULL + f"""
long TXT {' '.join('"' + letter * 250 + '"' for letter in "abcdefg")}
blocked A 192.0.2.9
toinsecure CNAME www.unsigned.test.
tobogus CNAME www.tampered.test.
tononsec CNAME nothing.nonsec.test.
tonsec3 CNAME www.nsec3.test.
toblocked CNAME blocked.nsec3.test.
tomany CNAME nothing.many.test.
dname DNAME nsec3.test.
dnameinsecure DNAME unsigned.test.
dnamebogus DNAME tampered.test.
""", servers=(FIRST, SECOND)),
    # on its parent's servers, without a referral between them
    Zone("unsigned.nsec.test", FULL, servers=(FIRST, SECOND), algorithm=None),
    Zone("signed.nsec.test", FULL, servers=(FIRST, SECOND)),
    Zone("broken.nsec.test", WWW, servers=(FIRST, SECOND),
         fault=tampered("www.broken.nsec.test.", "A", "192.0.2.66")),
    Zone("nsec3.test", FULL + "blocked A 192.0.2.9\n", denial=NSEC3, servers=(SECOND,)),
    Zone("unsigned.nsec3.test", WWW, algorithm=None, servers=(FIRST,)),
    Zone("signed.nsec3.test", WWW, servers=(FIRST,)),
    Zone("optout.test", FULL, denial=(*NSEC3, "-p"), omit=frozenset({"unsigned.optout.test"})),
    Zone("unsigned.optout.test", WWW, algorithm=None, servers=(SECOND,)),
    Zone("listed.optout.test", WWW, algorithm=None, servers=(SECOND,)),  # unsigned, and yet with an NSEC3
    Zone("signed.optout.test", WWW, servers=(SECOND,)),
    Zone("salted.test", FULL, denial=("-n", "-t", "50", "-s", "0123456789abcdef")),
    Zone("many.test", FULL, denial=("-n", "-t", "51")),
    Zone("unsigned.many.test", WWW, algorithm=None, servers=(SECOND,)),
    Zone("signed.many.test", WWW, servers=(SECOND,)),
    Zone("toomany.test", FULL, denial=("-n", "-t", "151")),
    Zone("unsigned.test", FULL + "tosecure CNAME www.nsec.test.\ntobogus CNAME www.tampered.test.\n", algorithm=None),
    # algorithms
    Zone("rsasha1.test", WWW, algorithm="RSASHA1"),
    Zone("rsasha256.test", WWW, algorithm="RSASHA256"),
    Zone("rsasha512.test", WWW, algorithm="RSASHA512"),
    Zone("p384.test", WWW, algorithm="ECDSAP384SHA384", digest="-4"),
    Zone("ed25519.test", WWW, algorithm="ED25519"),
    Zone("ed448.test", WWW, algorithm="ED448"),
    Zone("sha1ds.test", WWW, digest="-1"),
    Zone("nodigest.test", WWW, ds=ds_with(digest_type="250")),
    Zone("noalgorithm.test", WWW, ds=ds_with(algorithm="250")),
    # broken as a whole
    Zone("expired.test", WWW, times=EXPIRED),
    Zone("future.test", WWW, times=FUTURE),
    Zone("wrongds.test", WWW, ds=ds_with(digest="00" * 32)),
    Zone("child.wrongds.test", WWW),
    Zone("nokey.test", WWW, fault=without("DNSKEY")),
    Zone("unsignedkey.test", WWW, fault=without("RRSIG:DNSKEY")),
    Zone("bare.test", WWW, fault=without("RRSIG", "DNSKEY", "NSEC")),
    # broken in one place
    Zone("times.test", "expired A 192.0.2.1\nfuture A 192.0.2.1\nwww A 192.0.2.1\n",
         odd_times={"expired.times.test": EXPIRED, "future.times.test": FUTURE}),
    Zone("stripped.test", WWW + "good A 192.0.2.1\nall A 192.0.2.1\n",
         fault=both(without("RRSIG:A", at="www.stripped.test."), without("RRSIG", at="all.stripped.test."))),
    Zone("tampered.test", WWW + "blocked A 192.0.2.9\naddress A 192.0.2.1\ngood A 192.0.2.1\n"
         "toblocked CNAME www.nsec.test.\n",
         fault=both(tampered("www.tampered.test.", "A", "192.0.2.66"),
                    tampered("blocked.tampered.test.", "A", "192.0.2.66"),
                    tampered("toblocked.tampered.test.", "CNAME", "blocked.nsec3.test."),
                    tampered("address.tampered.test.", "A", "203.0.113.66"))),
    Zone("tamperednsec.test", WWW, fault=tampered("www.tamperednsec.test.", "NSEC",
                                                 "zzz.tamperednsec.test. TXT RRSIG NSEC")),
    Zone("tampereddname.test", WWW + "dname DNAME nsec.test.\n",
         fault=tampered("dname.tampereddname.test.", "DNAME", "unsigned.test.")),
    Zone("nonsec.test", FULL, fault=without("NSEC", "RRSIG:NSEC")),
    Zone("unsigned.nonsec.test", WWW, algorithm=None, servers=(SECOND,)),
    Zone("nonsec3.test", FULL, denial=NSEC3, fault=without("NSEC3", "RRSIG:NSEC3")),
    Zone("nodssig.test", WWW, fault=without("RRSIG:DS")),
    Zone("child.nodssig.test", WWW, servers=(SECOND,)),
    # signed by Knot; it makes keys and signatures itself
    Zone("knot.test", FULL, servers=(KNOT,)),
    Zone("online.test", FULL, servers=(KNOT,)),
    # below no anchor but its own
    Zone("island.plain", FULL, servers=(SECOND,), ds=None),
]
ABOVE = [
    Zone("plain", "www A 192.0.2.1\n", servers=(TLD,), algorithm=None),
    Zone("test", "www A 192.0.2.1\nlame NS ns.lame\nns.lame A 10.54.0.3\n", servers=(TLD,)),
    Zone("", "www A 192.0.2.1\n", servers=(ROOT,), algorithm="RSASHA256"),
]
ONLINE = {"online.test"}


def _hosts(zone: Zone) -> tuple[str, ...]:
    return zone.servers if zone.hosts is None else zone.hosts


def _labels(zone: Zone) -> int:
    return len(zone.name.split(".")) if zone.name else 0


class SignedInternet:
    """Zones, keys, servers; a context manager. `folder` is for all that it writes. `zones` and `above`: another
    internet on the same addresses; what is above the zones has a zone of the name "" among it."""

    def __init__(self, folder: Path, more_zones: Iterable[Zone] = (), zones: Iterable[Zone] = ZONES,
                 above: Iterable[Zone] = ABOVE) -> None:
        self.folder = folder
        self.hints = folder / "root.hints"
        self.anchor = folder / "anchor"  # the root's, as DS
        self.anchor_dnskey = folder / "anchor.dnskey"  # the same as DNSKEY
        self.anchor_island = folder / "anchor.island"  # of island.plain, as DNSKEY
        self.zones = {zone.name: zone for zone in [*zones, *more_zones, *above]}
        self._servers: list[NameServer] = []
        self._ds: dict[str, str] = {}  # as it follows from the keys

    def __enter__(self) -> "SignedInternet":
        self.folder.mkdir(parents=True)
        namespace.add_addresses(ROOT, TLD, FIRST, SECOND, KNOT, INNER,
                                *sorted({address for zone in self.zones.values() for address in _hosts(zone)}))
        self.hints.write_text(f". 3600000 NS ns1.\nns1. 3600000 A {ROOT}\n")
        try:
            self._make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        for server in self._servers:
            server.stop()
        self._servers = []

    def _make(self) -> None:
        knot = [zone for zone in self.zones.values() if KNOT in _hosts(zone)]
        for zone in knot:
            self._path(zone).write_text(self._text(zone, self._children(zone)))
        if knot:
            self._serve(Knot("knot", self.folder / "knot", [KNOT], self._files(KNOT), ONLINE))
        for zone in knot:  # Knot has made the keys
            path = self.folder / f"{zone.name}.dnskey"
            path.write_text(f"{zone.name}. 3600 IN DNSKEY {_run('kdig', f'@{KNOT}', '+short', zone.name, 'DNSKEY')}")
            self._ds[zone.name] = _ds_of(path, zone.digest)
        # The leaves first: a zone holds the DS of its children.
        built = sorted((zone for zone in self.zones.values() if zone not in knot), key=_labels, reverse=True)
        with ThreadPoolExecutor(JOBS) as jobs:
            for _, siblings in itertools.groupby(built, _labels):
                list(jobs.map(self._build, siblings))
        for address in sorted({address for zone in built for address in _hosts(zone)}):
            self._serve(Nsd(address, self.folder / address, [address], self._files(address)))

    def server(self, address: str) -> NameServer:
        return next(server for server in self._servers if address in server.addresses)

    def _serve(self, server: NameServer) -> None:
        self._servers.append(server)
        server.start()

    def _path(self, zone: Zone) -> Path:
        return self.folder / f"{zone.name or 'root'}.zone"

    def _files(self, address: str) -> dict[str, Path]:
        return {zone.name or ".": self._path(zone) for zone in self.zones.values() if address in _hosts(zone)}

    def _children(self, zone: Zone) -> list[Zone]:
        return [child for child in self.zones.values() if child.name and self._parent(child.name) == zone.name]

    def _parent(self, name: str) -> str:
        while name:
            name = name.partition(".")[2]
            if name in self.zones:
                break
        return name

    def _text(self, zone: Zone, children: list[Zone]) -> str:
        servers = zone.apex
        if servers is None:
            servers = "".join(f"@ NS ns{i}\nns{i} A {address}\n" for i, address in enumerate(zone.servers, 1))
        return (f"$ORIGIN {zone.name}.\n$TTL 300\n@ SOA ns1 host 1 3600 600 86400 300\n{servers}{zone.records}"
                + "".join(self._delegation(child) for child in children))

    def _delegation(self, child: Zone) -> str:
        lines = [child.delegation] if child.delegation is not None else [
            f"{child.name}. 300 IN NS ns{i}.{child.name}.\nns{i}.{child.name}. 300 IN A {address}\n"
            for i, address in enumerate(child.servers, 1)]
        if child.algorithm and child.ds:
            lines += [f"{child.name}. 300 IN DS {ds}\n" for ds in child.ds(self._ds[child.name]).splitlines()]
        return "".join(lines)

    def _build(self, zone: Zone) -> None:
        children = self._children(zone)
        signed = [child for child in children if child.name not in zone.omit]
        omitted = [child for child in children if child.name in zone.omit]
        if not zone.algorithm:
            self._path(zone).write_text(self._text(zone, children))
            return
        plain = self.folder / f"{zone.name or 'root'}.unsigned"
        plain.write_text(self._text(zone, signed))
        keys = [_run("ldns-keygen", "-a", zone.algorithm, "-b", "2048", "-r", "/dev/urandom", *kind, zone.name or ".",
                     folder=self.folder).strip() for kind in (["-k"], [])]
        self._ds[zone.name] = _ds_of(self.folder / f"{keys[0]}.key", zone.digest)
        if not zone.name:
            self.anchor.write_text(f". IN DS {self._ds[zone.name]}\n")
            self.anchor_dnskey.write_text((self.folder / f"{keys[0]}.key").read_text())
        if zone.name == "island.plain":
            self.anchor_island.write_text((self.folder / f"{keys[0]}.key").read_text())
        lines = self._sign(zone, plain, keys, zone.times)
        for name, times in zone.odd_times.items():
            odd = [line for line in self._sign(zone, plain, keys, times)
                   if line[0] == _fqdn(name) and line[3] == "RRSIG" and not _covers(line).startswith("NSEC")]
            lines = [line for line in lines if not (line[0] == _fqdn(name) and line[3] == "RRSIG"
                                                    and not _covers(line).startswith("NSEC"))] + odd
        if zone.fault:
            lines = zone.fault(lines)
        self._path(zone).write_text("".join(" ".join(line) + "\n" for line in lines)
                                    + "".join(self._delegation(child) for child in omitted))

    def _sign(self, zone: Zone, plain: Path, keys: list[str], times: tuple[int, int]) -> Lines:
        now = int(time.time())
        signed = self.folder / f"{zone.name or 'root'}.signed"
        _run("ldns-signzone", "-i", str(now + times[0]), "-e", str(now + times[1]), *zone.denial, "-f", str(signed),
             str(plain), *keys, folder=self.folder)
        lines = [line.partition(" ;{")[0].split(None, 4) for line in signed.read_text().splitlines()]
        return [line for line in lines if len(line) == 5]


def _fqdn(name: str) -> str:
    return name + "."


def _ds_of(key: Path, digest: str) -> str:
    """Tag, algorithm, type, digest."""
    return _run("ldns-key2ds", "-n", "-f", digest, str(key)).split(None, 4)[4].strip()


def _run(*command: str, folder: Path | None = None) -> str:
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    if ran.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {ran.stdout}{ran.stderr}")
    return ran.stdout
