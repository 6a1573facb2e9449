"""EDNS between the resolver and both of its sides: what clients write into OPT stays between them and us."""

import socket
import struct
import threading

from tests.e2e.case import Case
from tests.support import clients, dns
from tests.support.small_internet import RESOLVER

ETH_P_IP = 0x0800
OPT = dns.TYPES["OPT"]
CLIENT_SUBNET, UNKNOWN = 8, 65001


def options_of(message: bytes) -> dict[int, bytes]:
    """The options of a message's OPT, by code."""
    questions, *counts = struct.unpack(">HHHH", message[4:12])
    offset, found = 12, {}
    for _ in range(questions):
        offset = dns.read_name(message, offset)[1] + 4
    for _ in range(sum(counts)):
        offset = dns.read_name(message, offset)[1]
        type, _, _, length = struct.unpack(">HHIH", message[offset:offset + 10])
        offset += 10
        data, offset = message[offset:offset + length], offset + length
        while type == OPT and data:
            code, size = struct.unpack(">HH", data[:4])
            found[code], data = data[4:4 + size], data[4 + size:]
    return found


class Capture:
    """DNS queries that leave for other servers than the resolver itself, as they pass the loopback interface."""

    def __enter__(self) -> "Capture":
        self.queries: list[bytes] = []
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
        self._socket.bind(("lo", 0))
        self._socket.settimeout(0.1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                packet = self._socket.recv(65535)
            except TimeoutError:
                continue
            header = (packet[0] & 15) * 4
            target, port = socket.inet_ntoa(packet[16:20]), struct.unpack(">H", packet[header + 2:header + 4])[0]
            if packet[9] == socket.IPPROTO_UDP and port == 53 and target != RESOLVER:
                self.queries.append(packet[header + 8:])

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def of(self, name: str) -> list[bytes]:
        """Each packet is seen twice on loopback, out and in; case is the resolver's own (0x20)."""
        return [query for query in self.queries if dns.read_name(query, 12)[0] == name]


class EdnsTest(Case):
    RESOLVER_KEYS = "ipv6_upstream = false"

    def test_client_subnet_stays_here(self):
        """RFC 7871 section 7.1.2 lets a resolver drop it: no server learns of the client, no answer claims to care."""
        with Capture() as capture:
            for option in ("+subnet=192.0.2.0/24", "+subnet=0.0.0.0/0", "+subnet=2001:db8::/56", "+ednsopt=65001:cafe"):
                name = f"ecs{option.encode().hex()[-8:]}.bulk.test"
                with self.subTest(option=option):
                    seen = clients.dig(self.weir.server, name, "A", option)
                    self.assertEqual((seen.status, seen.data("A")), ("NOERROR", ["198.51.100.100"]), seen.text)
                    self.assertNotIn("CLIENT-SUBNET", seen.text)
                    self.assertNotIn("65001", seen.text.split("Got answer")[-1])
                    dns.wait_until(lambda: capture.of(name + "."), 5, f"a query for {name} upstream")
                    for query in capture.of(name + "."):
                        self.assertFalse({CLIENT_SUBNET, UNKNOWN} & options_of(query).keys(), options_of(query))
        self.assertEqual(options_of(dns.query("a.example")), {})

    def test_the_capture_sees_options(self):
        """The test above could not fail otherwise."""
        with Capture() as capture:
            clients.dig(("10.53.0.3", 53), "subnet.bulk.test", "A", "+subnet=192.0.2.0/24")
            seen = dns.wait_until(lambda: capture.of("subnet.bulk.test."), 5, "dig's own query")
        self.assertIn(CLIENT_SUBNET, options_of(seen[0]))

    def test_versions_and_flags(self):
        """RFC 6891 sections 6.1.3 and 6.1.4."""
        seen = clients.dig(self.weir.server, "www.shop.example", "A", "+edns=1", "+noednsneg")
        self.assertEqual(seen.status, "BADVERS", seen.text)
        self.assertEqual(seen.answer, [])
        self.assertIn("EDNS: version: 0", seen.text)
        seen = clients.dig(self.weir.server, "www.shop.example", "A", "+ednsflags=0x4001")
        self.assertEqual(seen.status, "NOERROR", seen.text)
        self.assertNotIn("MBZ", seen.text.split("Got answer")[-1])
        seen = clients.dig(self.weir.server, "www.shop.example", "A", "+dnssec", "+ednsflags=0x4001")
        self.assertIn("flags: do;", seen.text)
        self.assertNotIn("MBZ", seen.text.split("Got answer")[-1])
        # The header's own Z bit (RFC 1035 section 4.1.1) is not given back either.
        seen = clients.dig(self.weir.server, "www.shop.example", "A", "+zflag")
        self.assertEqual(seen.status, "NOERROR", seen.text)
        self.assertNotIn("MBZ: 0x4", seen.text.split("Got answer")[-1])
