"""A world for response policy zones: names that say which rules concern them, the policy zones, and questions by a seed.

Every name below q.example and its like resolves; what its labels say is what the policy zones `one`, `two`, `three` hold
for it. `list` is made from lists of names and addresses and comes last. IPv4 and IPv6, three name servers' processes.
"""

from __future__ import annotations

import ipaddress
import random
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import dns, namespace
from tests.support.name_servers import Nsd
from tests.support.questions import Question

ACTIONS = {
    "nxdomain": ["CNAME ."],
    "nodata": ["CNAME *."],
    "passthru": ["CNAME rpz-passthru."],
    "drop": ["CNAME rpz-drop."],
    "tcponly": ["CNAME rpz-tcp-only."],
    "data": ["A 192.0.2.80", "A 192.0.2.81", 'TXT "local data"'],
    "data6": ["AAAA 2001:db8:80::1", "MX 10 mail.garden.test."],
    "cname": ["CNAME walled.garden.test."],
    "beside": ["CNAME *.garden.test."],
}
NUMBERS = {action: number for number, action in enumerate(ACTIONS, 1)}
ZONES = ("one", "two", "three", "list")

ROOT, TLD, HOST = (("10.56.0.1", "fd56::1"), ("10.56.0.2", "fd56::2"), ("10.56.0.3", "fd56::3"))
CLIENT = "10.53.70.1"  # of whom no rule speaks
COMMON = ["A"] * 12 + ["AAAA"] * 5 + ["TXT"] * 3 + ["MX"] * 2 + ["HTTPS", "CNAME", "NS", "SOA", "SRV", "ANY"]
EVERYTHING = ("A 198.51.100.10", "AAAA 2001:db8:51::10", 'TXT "as it is"', "MX 10 mail.q.example.")


def reversed_ipv4(address: str, length: int = 32) -> str:
    return ".".join([str(length), *reversed(address.split("."))])


def reversed_ipv6(address: str, length: int = 128) -> str:
    """`zz` in the place of the longest run of zeros, as BIND wants it."""
    words = [format(int(word, 16), "x") for word in ipaddress.IPv6Address(address).exploded.split(":")]
    best, at = 0, 0
    for start in range(8):
        size = next((i - start for i in range(start, 8) if words[i] != "0"), 8 - start)
        if size > best:
            best, at = size, start
    if best > 1:
        words[at:at + best] = ["zz"]
    return ".".join([str(length), *reversed(words)])


@dataclass
class PolicyWorld:
    """What is served and what the policy zones hold. `listed` names and addresses make up the zone `list`."""

    listed_names: list[str]
    listed_addresses: list[str]
    served: dict[str, list[str]] = field(default_factory=dict)  # zone -> records
    policy: dict[str, dict[str, list[str]]] = field(default_factory=lambda: {zone: {} for zone in ZONES})
    targets: dict[str, list[str]] = field(default_factory=dict)  # region -> names to ask for
    clients: list[str] = field(default_factory=list)
    server_addresses: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.served = {"": ["* A 198.51.100.77", "* AAAA 2001:db8:51::77"],
                       "example": [], "test": [],
                       "nshost.test": [f"*.nshost.test. A {HOST[0]}", f"*.nshost.test. AAAA {HOST[1]}"],
                       "garden.test": ["walled A 192.0.2.90", "walled AAAA 2001:db8:90::90", "* A 192.0.2.91", "mail A 192.0.2.92"]}
        for zone in ("nshost.test", "garden.test"):
            self.delegate(zone, "ns.base.nshost.test")
        self.by_qname()
        self.by_address()
        self.by_name_server()
        self.by_client()
        self.along_chains()
        self.by_list()

    def rule(self, zone: str, trigger: str, action: str) -> None:
        self.policy[zone][trigger] = ACTIONS[action]

    def target(self, region: str, name: str) -> None:
        self.targets.setdefault(region, []).append(name)

    def delegate(self, zone: str, server: str, everything: bool = False) -> None:
        """A second-level zone (or one below a top-level domain of its own), with the name server's own records if glue."""
        parent = zone.partition(".")[2]
        self.served.setdefault(zone, [])
        self.served[zone].append(f"{zone}. NS {server}.")
        self.served[parent].append(f"{zone}. NS {server}.")
        if server == "ns.base.nshost.test" and zone == "nshost.test":
            self.served[parent] += [f"{server}. A {HOST[0]}", f"{server}. AAAA {HOST[1]}"]
        if everything:
            self.served[zone] += [f"{owner}{zone}. {record}" for owner in ("", "*.") for record in EVERYTHING]

    def by_qname(self) -> None:
        self.delegate("q.example", "ns.base.nshost.test", everything=True)
        self.delegate("void.example", "ns.base.nshost.test")
        for action in ACTIONS:
            for region, owners in (("exact", ("",)), ("below", ("*.",)), ("both", ("", "*."))):
                for owner in owners:
                    self.rule("one", f"{owner}{action}.{region}.q.example", action)
                self.target(region, f"{action}.{region}.q.example")
            self.rule("two", f"{action}.gone.void.example", action)
            self.target("gone", f"{action}.gone.void.example")
            for other in ACTIONS:
                self.rule("one", f"*.outer-{action}.nested.q.example", action)
                self.rule("one", f"inner-{other}.outer-{action}.nested.q.example", other)
                self.rule("one", f"*.under-{other}.outer-{action}.nested.q.example", other)
                self.target("nested", f"inner-{other}.outer-{action}.nested.q.example")
                self.target("nested", f"x.under-{other}.outer-{action}.nested.q.example")
                self.rule("one", f"one-{action}.two-{other}.zones.q.example", action)
                self.rule("two", f"*.two-{other}.zones.q.example", other)
                self.target("zones", f"one-{action}.two-{other}.zones.q.example")
                self.rule("three", f"three-{action}.two-{other}.zones.q.example", action)
                self.target("zones", f"three-{action}.two-{other}.zones.q.example")
        self.policy["one"]["self.exact.q.example"] = ["CNAME self.exact.q.example."]
        self.policy["two"]["self.exact.q.example"] = ACTIONS["nxdomain"]
        self.target("exact", "self.exact.q.example")
        self.target("none", "none.q.example")
        self.target("none", "nothing.void.example")

    def by_address(self) -> None:
        self.delegate("addr.example", "ns.base.nshost.test")
        records = self.served["addr.example"]

        def give(name: str, region: str, *data: str) -> None:
            records.extend(f"{name}.addr.example. {datum}" for datum in data)
            self.target(region, f"{name}.addr.example")

        for action, number in NUMBERS.items():
            for at, zone in enumerate(ZONES[:3], 1):
                self.rule(zone, f"{reversed_ipv4(f'203.0.{112 + at}.{number}')}.rpz-ip", action)
                self.rule(zone, f"{reversed_ipv6(f'2001:db8:113:{at}::{number:x}')}.rpz-ip", action)
                give(f"ip-{zone}-{action}", "address", f"A 203.0.{112 + at}.{number}", f"AAAA 2001:db8:113:{at}::{number:x}",
                     'TXT "beside"')
            self.rule("one", f"{reversed_ipv4(f'198.18.{number}.0', 24)}.rpz-ip", action)
            self.rule("one", f"{reversed_ipv6(f'2001:db8:18:{number:x}::', 64)}.rpz-ip", action)
            give(f"net-{action}", "prefix", f"A 198.18.{number}.200", f"AAAA 2001:db8:18:{number:x}::200")
            for other, second in NUMBERS.items():
                self.rule("one", f"{reversed_ipv4(f'198.18.{number}.{second}')}.rpz-ip", other)
                give(f"in-{other}.net-{action}", "prefix", f"A 198.18.{number}.{second}")
                give(f"ip-{action}.and-{other}", "addresses", f"A 203.0.113.{number}", f"A 203.0.113.{second}",
                     f"A 198.51.100.{second}")
                give(f"ip-{action}.later-{other}", "addresses", f"A 203.0.113.{number}", f"A 203.0.114.{second}")
                for of_name, of_address, region in (("one", "one", "same"), ("one", "two", "name-first"),
                                                    ("two", "one", "address-first")):
                    name = f"q-{action}.ip-{other}.{region}"
                    self.rule(of_name, f"{name}.addr.example", action)
                    give(name, region, f"A 203.0.{112 + ZONES.index(of_address) + 1}.{second}", 'TXT "beside"')

    def by_name_server(self) -> None:
        self.served["nsip.test"] = []
        self.delegate("nsip.test", "ns.base.nshost.test")
        for action, number in NUMBERS.items():
            name, wild = f"ns.{action}.nshost.test", f"ns.x.{action}.wild.nshost.test"
            ipv4, ipv6 = f"10.56.4.{number}", f"fd56::4:{number:x}"
            self.server_addresses += [ipv4, ipv6]
            self.served["nsip.test"] += [f"v4-{action} A {ipv4}", f"v6-{action} AAAA {ipv6}", f"v6-{action} A {HOST[0]}"]
            self.rule("one", f"{name}.rpz-nsdname", action)
            self.rule("one", f"*.{action}.wild.nshost.test.rpz-nsdname", action)
            self.rule("two", f"{reversed_ipv4(ipv4)}.rpz-nsip", action)
            self.rule("two", f"{reversed_ipv6(ipv6)}.rpz-nsip", action)
            for kind, server in (("nsd", name), ("nsw", wild), ("nsi", f"v4-{action}.nsip.test"), ("nsj", f"v6-{action}.nsip.test")):
                zone = f"{kind}-{action}.example"
                self.delegate(zone, server, everything=True)
                self.target(kind, f"www.{zone}")
                self.target(kind, zone)
                for other in ACTIONS:
                    for policy in ("one", "three"):
                        self.rule(policy, f"q-{policy}-{other}.{zone}", other)
                        self.target(f"{kind}-name", f"q-{policy}-{other}.{zone}")
                    self.served[zone] += [f"ip-{other}.{zone}. A 203.0.115.{NUMBERS[other]}"]
                    self.target(f"{kind}-address", f"ip-{other}.{zone}")
            top = f"top-{action}"  # a rule on the server of a top-level domain is one for all below it
            self.served[top] = [f"{top}. NS ns.of-{top}.nshost.test."]
            self.served[""].append(f"{top}. NS ns.of-{top}.nshost.test.")
            self.rule("two", f"ns.of-{top}.nshost.test.rpz-nsdname", action)
            self.delegate(f"sub.{top}", "ns.base.nshost.test", everything=True)
            self.target("ancestor", f"www.sub.{top}")

    def by_client(self) -> None:
        for at, zone in ((71, "one"), (72, "two")):
            for action, number in NUMBERS.items():
                self.rule(zone, f"{reversed_ipv4(f'10.53.{at}.{number}')}.rpz-client-ip", action)
                self.clients.append(f"10.53.{at}.{number}")
        self.rule("one", f"{reversed_ipv4('10.53.73.0', 24)}.rpz-client-ip", "nodata")
        self.rule("one", f"{reversed_ipv4('10.53.73.7')}.rpz-client-ip", "passthru")
        self.clients += ["10.53.73.5", "10.53.73.7"]

    def along_chains(self) -> None:
        self.delegate("chain.example", "ns.base.nshost.test")
        self.delegate("dname.example", "ns.base.nshost.test")
        self.served["dname.example"].append("dname.example. DNAME exact.q.example.")
        chain = self.served["chain.example"]
        for action in ACTIONS:
            chain += [f"to-name-{action} CNAME {action}.exact.q.example.", f"to-ip-{action} CNAME ip-one-{action}.addr.example.",
                      f"to-nsd-{action} CNAME www.nsd-{action}.example.", f"to-nsi-{action} CNAME www.nsi-{action}.example.",
                      f"far-{action} CNAME to-name-{action}"]
            for name in (f"to-name-{action}", f"to-ip-{action}", f"to-nsd-{action}", f"to-nsi-{action}", f"far-{action}"):
                self.target("chain", f"{name}.chain.example")
            self.target("dname", f"{action}.dname.example")
            for other in ACTIONS:
                for zone in ("one", "two"):
                    chain.append(f"{zone}-{action}.to-{other} CNAME {other}.exact.q.example.")
                    self.rule(zone, f"{zone}-{action}.to-{other}.chain.example", action)
                    self.target("chain-rule", f"{zone}-{action}.to-{other}.chain.example")

    def by_list(self) -> None:
        for name in self.listed_names:
            for owner in ("", "*."):
                self.rule("list", owner + name, "nxdomain")
            self.target("list", name)
        self.delegate("listed.example", "ns.base.nshost.test")
        for place, address in enumerate(self.listed_addresses):
            self.rule("list", f"{reversed_ipv4(address)}.rpz-ip", "nodata")
            self.served["listed.example"].append(f"m{place} A {address}")
            self.target("list-address", f"m{place}.listed.example")

    def write_policy(self, folder: Path) -> dict[str, Path]:
        """One record a line, owners relative to the zone `NAME.rpz`."""
        files = {}
        for zone, rules in self.policy.items():
            files[zone] = folder / f"{zone}.rpz"
            with open(files[zone], "w") as out:
                out.write(f"$ORIGIN {zone}.rpz.\n$TTL 60\n@ SOA ns host 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\n")
                for trigger, data in rules.items():
                    out.writelines(f"{trigger} {record}\n" for record in data)
        return files

    def questions(self, count: int, seed: int) -> list[Question]:
        chance = random.Random(seed)
        regions = list(self.targets)
        # Where there are many pairs of actions, many questions.
        weights = [len(self.targets[region]) ** 0.5 for region in regions]
        found: dict[Question, None] = {}
        while len(found) < count:
            name = vary(chance.choice(self.targets[chance.choices(regions, weights)[0]]), chance)
            if len(dns.wire_name(name)) > 255:
                continue
            found[Question(name, chance.choice(COMMON), tcp=chance.random() < 0.1,
                           client=chance.choice(self.clients) if chance.random() < 0.08 else "")] = None
        return list(found)


def vary(name: str, chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.7:
        return name
    if kind < 0.8:
        return f"x{chance.randrange(3)}.{name}"
    if kind < 0.85:
        return f"a.b.{name}"
    if kind < 0.92:
        return name.partition(".")[2]
    return "".join(chance.choice((letter.lower(), letter.upper())) for letter in name)


class PolicyInternet:
    """The servers of a PolicyWorld; a context manager. `hints` leads to its root."""

    def __init__(self, folder: Path, world: PolicyWorld) -> None:
        self.folder, self.world, self.hints = folder, world, folder / "root.hints"
        self._servers: list[Nsd] = []

    def __enter__(self) -> "PolicyInternet":
        self.folder.mkdir(parents=True)
        world = self.world
        namespace.add_addresses(*ROOT, *TLD, *HOST, *world.server_addresses, CLIENT, *world.clients)
        self.hints.write_text(f". 3600000 NS ns.root.test.\nns.root.test. 3600000 A {ROOT[0]}\nns.root.test. 3600000 AAAA {ROOT[1]}\n")
        tops = [zone for zone in world.served if zone and "." not in zone]
        world.served[""] += [". NS ns.root.test.", f"ns.root.test. A {ROOT[0]}", f"ns.root.test. AAAA {ROOT[1]}"]
        for top in ("example", "test"):
            glue = [f"ns.top.{top}. A {TLD[0]}", f"ns.top.{top}. AAAA {TLD[1]}"]
            world.served[""] += [f"{top}. NS ns.top.{top}.", *glue]
            world.served[top] += [f"{top}. NS ns.top.{top}.", *glue]
        world.served["test"] += [f"ns.root.test. A {ROOT[0]}", f"ns.root.test. AAAA {ROOT[1]}"]
        files = {zone or ".": self._write(zone, records) for zone, records in world.served.items()}
        own = [top for top in tops if top not in ("example", "test")]  # served by whom a rule is about
        below = [zone for zone in world.served if "." in zone]
        try:
            for name, addresses, zones in (("root", ROOT, ["."]), ("tld", TLD, ["example", "test"]),
                                           ("host", HOST, [*below, *own])):
                listen = [*addresses, *(world.server_addresses if name == "host" else [])]
                self._servers.append(Nsd(name, self.folder / name, listen, {zone: files[zone] for zone in zones}))
                self._servers[-1].start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        for server in self._servers:
            server.stop()
        self._servers = []

    def _write(self, zone: str, records: list[str]) -> Path:
        path = self.folder / f"{zone or 'root'}.zone"
        path.write_text(f"$ORIGIN {zone}.\n$TTL 3600\n@ SOA ns.base.nshost.test. host.test. 1 3600 600 86400 60\n"
                        + "".join(f"{record}\n" for record in records))
        return path
