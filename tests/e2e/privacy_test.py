"""What the log, the ring, the figures and the sidecar's memory hold of clients, by privacy level; and what is left of them
when a day is forgotten.

A thousand clients of each level are planted. A search of everything finds all of level `full`, or it would see nothing,
and none of the others: IPv4 as text, IPv6 as text and in binary, blocks through an export.
"""

import ipaddress
import json
import random
import socket
import subprocess
import time
from pathlib import Path

from tests.e2e.case import Case
from tests.support import control, dns, remains
from tests.support.daemons import ROOT
from tests.support.http_api import Client
from tests.support.small_internet import RESOLVER, RESOLVER_IPV6

PORT = 8053
PLANTED = 1000
KNOWN = 10_000
LEVELS = {"full": 1, "prefix": 2, "pseudonym": 3, "none": 4}
IPV6_FREEBIND = 78  # <linux/in6.h>
FIRST_OCTETS = b"\xfd\x53\0\x77"  # of the planted ones in IPv6


def network4(level: str) -> str:
    return f"10.53.{128 + 16 * (LEVELS[level] - 1)}.0/20"


def network6(level: str) -> str:
    return f"fd53:77:{LEVELS[level]:x}::/48"


def planted(level: str, count: int, seed: int = 1) -> list:
    choose = random.Random(f"{level}{seed}")
    four, six = ipaddress.ip_network(network4(level)), ipaddress.ip_network(network6(level))
    out = set()
    while len(out) < min(count // 2, 2000):  # the network has no more than twice that
        address = four[choose.randrange(four.num_addresses)]
        if address.packed[3] not in (0, 255):
            out.add(address)
    while len(out) < count:
        out.add(six[(choose.getrandbits(16) << 64) + choose.getrandbits(63) + 1])
    return sorted(out, key=str)


class PrivacyTest(Case):
    LISTS = {"ads.hosts": "0.0.0.0 ads.example\n"}
    BODY = f"""
[api]
listen = ["127.0.0.1:{PORT}"]

[[list]]
name = "ads"
source = "{{lists}}/ads.hosts"
""" + "".join(f"""
[[policy]]
name = "{level}"
lists = ["ads"]
privacy = "{level}"

[[group]]
name = "{level}"
clients = ["{network4(level)}", "{network6(level)}"]
policy = "{level}"
""" for level in LEVELS)

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        for level in LEVELS:
            # Every address of these networks is the machine's own.
            for network in (network4(level), network6(level)):
                subprocess.run(["ip", "-6" if ":" in network else "-4", "route", "replace", "local", network, "dev", "lo"],
                               check=True)
        cls.clients = {level: planted(level, PLANTED) for level in LEVELS}

    def ask(self, addresses: list) -> None:
        message = dns.query("ads.example", "A")
        for address in addresses:
            server = (RESOLVER_IPV6 if address.version == 6 else RESOLVER, 53)
            with socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_DGRAM) as udp:
                if address.version == 6:  # a local route is not enough to bind there
                    udp.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
                udp.bind((str(address), 0))
                udp.connect(server)
                udp.settimeout(10)
                udp.send(message)
                udp.recv(4096)

    def decisions(self) -> dict[str, int]:
        rows = self.weir.done("log", "top", "--by", "group", "--json").json["rows"]
        return {row["key"]: row["decisions"] for row in rows}

    def exported(self) -> list[dict]:
        return [json.loads(line) for line in self.weir.done("log", "export").out.splitlines()]

    def everything(self):
        """(where, octets) of all that is written, said or remembered of decisions."""
        yield from remains.files(self.weir.store, self.weir.run_folder, self.weir.state, self.weir.resolver.log,
                                 self.weir.sidecar.log)
        yield "figures of the resolver", self.weir.metrics().encode()
        yield "figures of both", control.request(self.weir.run_folder / "sidecar.sock", "metrics")["text"].encode()
        yield "status", self.weir.done("status", "--json").out.encode()
        yield "export", self.weir.done("log", "export").out.encode()
        yield "export as CSV", self.weir.done("log", "export", "--format", "csv").out.encode()
        yield from remains.memory(self.weir.sidecar.process.pid)

    def test_1_what_is_not_kept_is_nowhere(self):
        for level in LEVELS:
            self.ask(self.clients[level])
        dns.wait_until(lambda: all(self.decisions().get(level) == PLANTED for level in LEVELS), 60, "all decisions arrived",
                       every=0.3)
        wanted = {address: level for level, addresses in self.clients.items() for address in addresses}
        found: dict[str, dict[str, set]] = {level: {} for level in LEVELS}
        octets_seen = 0
        for where, octets in self.everything():
            octets_seen += len(octets)
            for address in remains.addresses_in(octets, set(wanted), FIRST_OCTETS):
                found[wanted[address]].setdefault(where, set()).add(address)
        print(f"    {octets_seen >> 20} MiB were looked through")
        for level in ("prefix", "pseudonym", "none"):
            self.assertEqual({where: len(each) for where, each in found[level].items()}, {}, level)
        everywhere = found["full"]
        self.assertEqual(everywhere["export"], set(self.clients["full"]), "or the search sees nothing")
        binary = {address for address in self.clients["full"] if address.version == 6}
        in_files = set().union(*(each for where, each in everywhere.items() if str(self.weir.store) in where))
        # A journal cuts its records at every 32 KiB: an address may lie there in two pieces.
        self.assertLessEqual(len(binary - in_files), max(1, len(binary) // 50), "records in the log's own files")
        self.assertTrue(any("decisions" in where for where in everywhere), f"the ring: {sorted(everywhere)}")
        self.assertTrue(everywhere.get("heap") or everywhere.get("[heap]"), f"memory: {sorted(everywhere)}")

    def test_2_one_client_is_forgotten(self):
        client = next(address for address in self.clients["full"] if address.version == 6)
        begun = time.monotonic()
        done = self.weir.done("log", "forget", "--client", str(client), "--json").json
        self.assertEqual(done["rows"], 1, done)
        self.assertLess(time.monotonic() - begun, 60)
        for where, octets in remains.files(self.weir.store):
            self.assertEqual(remains.addresses_in(octets, {client}, FIRST_OCTETS), set(), where)
        self.assertNotIn(str(client), self.weir.done("log", "export").out)

    def hunt(self, step: int, *paths: Path) -> tuple[int, int]:
        """How many keys a program finds in these files, and how many of the known clients it names by them."""
        program = self.folder / "key_hunt"
        if not program.exists():
            subprocess.run(["c++", "-std=c++20", "-O2", "-o", str(program), str(ROOT / "tests/support/key_hunt.cc")],
                           check=True, timeout=120)
        ran = subprocess.run([str(program), str(self.folder / "known"), str(self.folder / "pseudonyms"), str(step),
                              *map(str, paths)], capture_output=True, text=True, check=True, timeout=120)
        keys, named = map(int, ran.stdout.split())
        if keys:
            print("    a key: " + ran.stderr.strip())
        return keys, named

    def all_files(self) -> list[Path]:
        return [path for folder in (self.weir.store, self.weir.run_folder, self.weir.state)
                for path in folder.rglob("*") if path.is_file()]

    def test_3_a_forgotten_day_has_no_clients(self):
        in_log = self.clients["pseudonym"]
        others = planted("pseudonym", KNOWN - PLANTED, seed=2)
        (self.folder / "known").write_text("".join(f"{address}\n" for address in [*in_log, *others]))
        pseudonyms = {row["client"] for row in self.exported() if row["group"] == "pseudonym"}
        self.assertEqual(len(pseudonyms), PLANTED)
        (self.folder / "pseudonyms").write_text("".join(f"{each.removeprefix('p-')}\n" for each in pseudonyms))
        keys, named = self.hunt(1, *(self.weir.run_folder / "keys").iterdir())
        self.assertEqual(keys, 1, "the day's key, or this program finds nothing")
        self.assertGreaterEqual(named, PLANTED)

        day = self.exported()[0]["time"][:10]
        self.weir.done("log", "forget", "--day", day)
        # Whole addresses and prefixes of the day are gone too.
        self.assertEqual({row["client"] for row in self.exported() if row["group"] != "pseudonym"}, {""})
        newcomer = [in_log[0]]

        def has_new_key():
            self.ask(newcomer)
            return {row["client"] for row in self.exported() if row["group"] == "pseudonym"} - pseudonyms
        dns.wait_until(has_new_key, 20, "the resolver has another key", every=0.5)
        dumps = []
        for daemon in (self.weir.sidecar, self.weir.resolver):
            dumps.append(self.folder / f"{daemon.program.name}.memory")
            with open(dumps[-1], "wb") as out:
                for _, octets in remains.memory(daemon.process.pid):
                    out.write(octets)
        try:
            self.assertEqual(self.hunt(1, *self.all_files()), (0, 0))
            self.assertEqual(self.hunt(4, *dumps), (0, 0), "the memory of both")
        finally:
            for dump in dumps:
                dump.unlink()

    def test_4_an_analyst_learns_nothing_of_few(self):
        token = self.weir.done("token", "add", "bob", "--role", "analyst").out.strip()
        analyst = Client("127.0.0.1", PORT, token)
        for path in ("/log/search", "/log/top?by=name", "/log/timeline"):
            answer = analyst.get(path.split("?")[0], **({"by": "name"} if "?" in path else {})).json
            self.assertEqual(answer["rows"], [], f"{path}: an hour that goes on is not told")
            self.assertEqual(answer["smallest_group"], 10)
        self.assertEqual(analyst.get("/log/search", client=str(self.clients["full"][0])).status, 400)
        self.assertEqual(analyst.get("/log/top", by="client").status, 400)
        self.assertEqual(analyst.get("/log/privacy-check").status, 403)
        self.assertEqual(analyst.post("/log/forget", day="2026-07-06").status, 403)

    def test_5_privacy_check(self):
        found = self.weir.done("log", "privacy-check", "--json").json
        self.assertTrue(found["complete"], found)
        by_level = {each["privacy"]: each for each in found["levels"]}
        self.assertEqual(by_level["none"]["linked_share"], 0)
        self.assertGreaterEqual(by_level["pseudonym"]["decisions"], PLANTED)
        self.assertIn("without clients", self.weir.done("log", "privacy-check").out)
