"""Octets that are no queries, sent to the running daemon over UDP and TCP: dropped or refused, counted, and no more."""

import random
import socket
import struct

from tests.e2e.case import Case
from tests.support import dns
from tests.support.control import request
from tests.support.small_internet import CLIENT


def bad_packets() -> list[bytes]:
    query = dns.query("www.shop.example", "A", id=7)
    packets = [query[:size] for size in range(len(query))]
    for bit in range(12 * 8):
        packets.append(bytes(octet ^ (0x80 >> bit % 8 if place == bit // 8 else 0) for place, octet in enumerate(query)))
    for length in range(1, 256):
        packets.append(query[:12] + bytes([length]) + b"a" * min(length, 100) + b"\0\0\1\0\1")
    for count in (0, 2, 3, 65535):
        for field in (4, 6, 8, 10):
            packets.append(query[:field] + struct.pack(">H", count) + query[field + 2:])
    for target in (0, 11, 12, 13, 40, 0x3FFF):
        packets.append(query[:12] + struct.pack(">HHH", 0xC000 | target, 1, 1))
    for options in (b"\0", b"\0\x0a\0\xff", b"\0\x0a\0\x01", b"\0\3\0\0" * 3000):
        opt = b"\0" + struct.pack(">HHIH", dns.TYPES["OPT"], 1232, 0, len(options)) + options
        packets.append(query[:10] + b"\0\1" + query[12:-11] + opt)
        packets.append(query[:10] + b"\0\2" + query[12:-11] + opt * 2)
    noise = random.Random(1)
    packets += [noise.randbytes(noise.randrange(1, 600)) for _ in range(300)]
    return packets


class BadPacketsTest(Case):
    def metric(self, name: str) -> int:
        text = request(self.weir.run_folder / "resolver.sock", "metrics")["text"]
        return int(float(next(line.split()[-1] for line in text.splitlines() if line.startswith(name + " "))))

    def check_reply(self, reply: bytes, packet: bytes) -> None:
        found = dns.parse(reply)
        self.assertTrue(found.flags & 0x8000, packet.hex())
        self.assertEqual(reply[:2], packet[:2], packet.hex())

    def test_over_udp(self):
        packets = bad_packets()
        before = self.metric("weir_malformed_total")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind((CLIENT, 0))
            udp.connect(self.weir.server)
            for packet in packets:
                udp.send(packet)
                # A query whose answer is there comes last: what the packet before it gets has come by then.
                udp.send(dns.query("localhost", "A", id=0xFFFE))
                udp.settimeout(10)
                while (reply := udp.recv(4096))[:2] != b"\xff\xfe":
                    if reply[:2] == packet[:2]:
                        self.check_reply(reply, packet)
        self.assertGreater(self.metric("weir_malformed_total") - before, 300)
        self.assertEqual(self.metric("weir_broken_invariants_total"), 0)
        self.shows(("www.shop.example", "AAAA", ["2001:db8:10::11"]))

    def test_over_tcp_in_pieces(self):
        query = dns.query("localhost", "A", id=9)
        framed = struct.pack(">H", len(query)) + query
        for split in range(1, len(framed)):
            with socket.create_connection(self.weir.server, timeout=10, source_address=(CLIENT, 0)) as tcp:
                tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                tcp.sendall(framed[:split])
                tcp.sendall(framed[split:])
                size = struct.unpack(">H", dns.read_exactly(tcp, 2))[0]
                self.assertEqual(dns.parse(dns.read_exactly(tcp, size)).data("A"), ["127.0.0.1"])
        before = self.metric("weir_malformed_total")
        for packet in bad_packets():
            if not packet:
                continue
            with socket.create_connection(self.weir.server, timeout=10, source_address=(CLIENT, 0)) as tcp:
                tcp.sendall(struct.pack(">H", len(packet)) + packet + framed)
                while True:  # the good query behind it is answered, in whatever order
                    size = struct.unpack(">H", dns.read_exactly(tcp, 2))[0]
                    reply = dns.read_exactly(tcp, size)
                    if reply[:2] == framed[2:4] and dns.parse(reply).data("A") == ["127.0.0.1"]:
                        break
        with socket.create_connection(self.weir.server, timeout=10, source_address=(CLIENT, 0)) as tcp:
            tcp.sendall(b"\0\0" + framed)
            self.assertEqual(tcp.recv(1), b"", "a message of length 0 ends the connection")
        self.assertGreater(self.metric("weir_malformed_total") - before, 300)
