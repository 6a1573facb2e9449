"""Forward and stub zones: a real resolver behind weir, and real authoritative servers, validated and not.

weir knows the root of the signed internet; Unbound, which it forwards to, knows two names beside it that nobody else
knows, so that an answer tells which way it came.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.case import Case
from tests.support import dns, namespace
from tests.support.signed_internet import SECOND, SignedInternet
from tests.support.unbound import Unbound

FORWARDER, DEAD, SLOW = "10.54.0.54", "10.54.0.99", "10.54.0.98"
PORT = 5353
REFUSED = 3  # exit status

internet: SignedInternet
unbound: Unbound


def setUpModule() -> None:
    global internet, unbound
    folder = Path(os.environ["WEIR_E2E_FOLDER"])
    internet = SignedInternet(folder / "forwarded")
    internet.__enter__()
    unbound = Unbound(folder / "forwarder", FORWARDER, internet.hints, [internet.anchor], f"""
  interface: {FORWARDER}@{PORT}
  local-zone: "inside.plain." static
  local-data: "www.inside.plain. A 192.0.2.77"
  local-zone: "inside.nsec.test." static
  local-data: "www.inside.nsec.test. A 192.0.2.78"
""")
    unbound.__enter__()


def tearDownModule() -> None:
    unbound.__exit__()
    internet.__exit__()


def section(name: str, servers: str, rest: str = "") -> str:
    return f'[[forward]]\nname = "{name}"\nservers = [{servers}]\n{rest}\n'


@contextlib.contextmanager
def slow_forwarder(address: str) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Answers one query for an A, with `address`. The events: it has been asked; it may answer."""
    namespace.add_addresses(SLOW)
    asked, may_answer = threading.Event(), threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(20)
        udp.bind((SLOW, 53))

        def serve() -> None:
            query, client = udp.recvfrom(4096)
            asked.set()
            may_answer.wait(20)
            question = query[12:query.index(0, 12) + 5]
            udp.sendto(query[:2] + bytes.fromhex("818000010001 00000000") + question +
                       bytes.fromhex("c00c 0001 0001 00000e10 0004") + socket.inet_aton(address), client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield asked, may_answer
        finally:
            may_answer.set()
            thread.join()


class Forwarding(Case):
    @classmethod
    def hints(cls) -> Path:
        return internet.hints

    @classmethod
    def trust_anchor(cls) -> Path | None:
        return internet.anchor

    def metric(self, name: str) -> int:
        text = self.weir.metrics()
        found = [line for line in text.splitlines() if line.startswith(name + " ")]
        self.assertEqual(len(found), 1, text)
        return int(float(found[0].split()[-1]))


class EverythingTest(Forwarding):
    """A forward zone for the root, on a port of its own, with validation on."""

    BODY = section(".", f'"{FORWARDER}@{PORT}"')

    def test_answers_come_from_the_forwarder_and_are_validated(self):
        before = self.metric('weir_forward_zone_lookups_total{zone="."}')
        for name, type, rcode, authentic in [
                ("www.nsec.test", "A", "NOERROR", True), ("alias.nsec3.test", "A", "NOERROR", True),
                ("nothing.nsec3.test", "A", "NXDOMAIN", True), ("www.nsec.test", "TXT", "NOERROR", True),
                ("www.unsigned.test", "A", "NOERROR", False), ("www.plain", "A", "NOERROR", False),
                ("www.expired.test", "A", "SERVFAIL", False), ("www.tampered.test", "A", "SERVFAIL", False),
                # what the forwarder invents
                ("www.inside.plain", "A", "NOERROR", False), ("www.inside.nsec.test", "A", "SERVFAIL", False)]:
            with self.subTest(name=name, type=type):
                answer = self.weir.ask(name, type, do=True)
                self.assertEqual((answer.rcode, answer.authentic), (rcode, authentic), str(answer))
        self.assertEqual(self.weir.ask("www.inside.plain").data("A"), ["192.0.2.77"])
        self.assertGreater(self.metric('weir_forward_zone_lookups_total{zone="."}'), before)

    def test_who_checks_himself_gets_what_is_bogus(self):
        """The forwarder validates too; with CD it hands over what it would keep from others."""
        answer = self.weir.ask("www.tampered.test", cd=True)
        self.assertEqual((answer.rcode, answer.data("A")), ("NOERROR", ["192.0.2.66"]), str(answer))

    def test_what_does_not_fit_a_datagram_comes_by_tcp(self):
        answer = self.weir.ask("long.nsec.test", "TXT", tcp=True, do=True)
        self.assertEqual((answer.rcode, answer.authentic), ("NOERROR", True), str(answer))
        self.assertGreater(len(answer.data("TXT")[0]), 1232)


class ZonesTest(Forwarding):
    BODY = (section("inside.plain", f'"{FORWARDER}"') + section("island.plain", f'"{SECOND}"', 'kind = "stub"')
            + section("knot.test", f'"{DEAD}"', 'fallback = "recursion"') + section("online.test", f'"{DEAD}@{PORT}"'))

    def test_the_longest_name_decides(self):
        self.shows(("www.inside.plain", "A", ["192.0.2.77"]), ("www.plain", "A", ["192.0.2.1"]),
                   ("www.island.plain", "A", ["192.0.2.1", "192.0.2.2"]), ("www.nsec.test", "A",
                                                                            ["192.0.2.1", "192.0.2.2"]))

    def test_fallback(self):
        self.shows(("www.knot.test", "A", ["192.0.2.1", "192.0.2.2"]), ("www.online.test", "A", "SERVFAIL"))
        self.assertTrue(self.weir.ask("www.knot.test", do=True).authentic)
        for zone in ("knot.test", "online.test"):
            self.assertGreater(self.metric(f'weir_forward_zone_unanswered_total{{zone="{zone}"}}'), 0)


class ReloadTest(Forwarding):
    def test_reload(self):
        self.shows(("www.inside.plain", "A", "NXDOMAIN"))
        self.weir.write_config(section("inside.plain", f'"{FORWARDER}"'))
        self.weir.done("reload")
        self.shows(("www.inside.plain", "A", ["192.0.2.77"]))

        faulty = section("inside.plain", "")
        self.weir.write_config(faulty)
        line = next(i for i, text in enumerate(self.weir.config.read_text().splitlines(), 1)
                    if text.startswith("servers = []"))
        refused = self.weir.command("reload")
        self.assertEqual(refused.status, REFUSED, str(refused))
        self.assertIn(f"weir.toml:{line}:11: 'servers' in [[forward]]", refused.err)
        self.weir.control("cache.flush", name="inside.plain", subtree=True)
        self.shows(("www.inside.plain", "A", ["192.0.2.77"]))

        self.weir.write_config("")
        self.weir.done("reload")
        self.shows(("www.inside.plain", "A", "NXDOMAIN"))

    def test_what_was_in_flight_does_not_bring_the_old_zone_back(self):
        self.weir.write_config(section("inside.plain", f'"{SLOW}"'))
        self.weir.done("reload")
        with slow_forwarder("192.0.2.66") as (asked, may_answer):
            early: list[dns.Answer] = []
            client = threading.Thread(target=lambda: early.append(self.weir.ask("www.inside.plain")))
            client.start()
            self.assertTrue(asked.wait(20))
            self.weir.write_config(section("inside.plain", f'"{FORWARDER}"'))
            self.weir.done("reload")
            may_answer.set()
            client.join()
        self.assertEqual([answer.data("A") for answer in early], [["192.0.2.66"]], "asked before the change")
        self.weir.until("www.inside.plain", ["192.0.2.77"], 20.0)
        self.weir.write_config("")
        self.weir.done("reload")
