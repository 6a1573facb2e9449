"""Resolution from the root down, as dig, kdig and raw messages see it. No lists."""

import socket
import struct
import time

from tests.e2e.case import Case
from tests.support import clients, dns
from tests.support.small_internet import (CLIENT, CLIENT_IPV6, OUTSIDER, RESOLVER, RESOLVER_IPV6)

# name, type, RCODE, what the answer section holds: (owner, type, data)
TABLE = [
    # with glue
    ("shop.example", "A", "NOERROR", {("shop.example.", "A", "192.0.2.10")}),
    ("www.shop.example", "AAAA", "NOERROR", {("www.shop.example.", "AAAA", "2001:db8:10::11")}),
    ("www.shop.example", "A", "NOERROR", {("www.shop.example.", "A", "192.0.2.11"),
                                          ("www.shop.example.", "A", "192.0.2.12")}),
    ("shop.example", "MX", "NOERROR", {("shop.example.", "MX", "10 mail.shop.example."),
                                       ("shop.example.", "MX", "20 mail.hosting.test.")}),
    # without glue
    ("bank.example", "A", "NOERROR", {("bank.example.", "A", "192.0.2.40")}),
    # four cuts deep
    ("a.b.c.deep.example", "A", "NOERROR", {("a.b.c.deep.example.", "A", "192.0.2.61")}),
    # its servers have IPv6 only
    ("www.v6only.example", "A", "NOERROR", {("www.v6only.example.", "A", "192.0.2.72")}),
    # one of two servers is lame; the other is asked
    ("www.half.example", "A", "NOERROR", {("www.half.example.", "A", "192.0.2.70")}),
    # one of two servers never answers
    ("www.slow.example", "A", "NOERROR", {("www.slow.example.", "A", "192.0.2.71")}),
    # CNAMEs in one zone and over three
    ("www2.news.example", "A", "NOERROR", {("www2.news.example.", "CNAME", "www.news.example."),
                                           ("www.news.example.", "CNAME", "news.example."),
                                           ("news.example.", "A", "192.0.2.20")}),
    ("images.shop.example", "AAAA", "NOERROR", {("images.shop.example.", "CNAME", "shop.cdn.test."),
                                                ("shop.cdn.test.", "CNAME", "edge7.cdn.test."),
                                                ("edge7.cdn.test.", "AAAA", "2001:db8:cd::7")}),
    ("images.shop.example", "CNAME", "NOERROR", {("images.shop.example.", "CNAME", "shop.cdn.test.")}),
    ("dangling.shop.example", "A", "NXDOMAIN", {("dangling.shop.example.", "CNAME", "nothing.cdn.test.")}),
    # RFC 6672
    ("v4.moved.example", "A", "NOERROR", {("moved.example.", "DNAME", "shop.example."),
                                          ("v4.moved.example.", "CNAME", "v4.shop.example."),
                                          ("v4.shop.example.", "A", "192.0.2.13")}),
    ("moved.example", "A", "NOERROR", {("moved.example.", "A", "192.0.2.30")}),
    # RFC 4592
    ("any.pages.shop.example", "A", "NOERROR", {("any.pages.shop.example.", "A", "192.0.2.80")}),
    ("fixed.pages.shop.example", "A", "NOERROR", {("fixed.pages.shop.example.", "A", "192.0.2.81")}),
    # negative: no such type, an empty non-terminal, no such name
    ("v4.shop.example", "AAAA", "NOERROR", set()),
    ("b.shop.example", "A", "NOERROR", set()),
    ("nothing.shop.example", "A", "NXDOMAIN", set()),
    ("nothing", "A", "NXDOMAIN", set()),
    # nobody who could answer does
    ("www.lame.example", "A", "SERVFAIL", set()),
    ("www.orphan.example", "A", "SERVFAIL", set()),
    ("broken.shop.example", "A", "SERVFAIL", None),
    ("a.loops.example", "A", "SERVFAIL", None),
]


class ResolveTest(Case):
    def check_table(self, client, *options: str, **keywords) -> None:
        for name, type, rcode, records in TABLE:
            with self.subTest(name=name, type=type, client=client.__name__):
                seen = client(self.weir.server, name, type, *options, **keywords)
                self.assertEqual(seen.status, rcode, seen.text)
                if records is not None:
                    self.assertEqual(set(seen.answer), records, seen.text)
                self.assertEqual(seen.flags & {"aa", "ra", "ad", "tc"}, {"ra"}, seen.text)
                if rcode != "SERVFAIL" and not any(kind == type for _, kind, _ in seen.answer):
                    self.assertIn("SOA", [kind for _, kind, _ in seen.authority], seen.text)

    def test_dig_over_udp(self):
        self.check_table(clients.dig)

    def test_kdig_over_udp(self):
        self.check_table(clients.kdig)

    def test_dig_over_tcp(self):
        self.check_table(clients.dig, "+tcp", source=CLIENT)

    def test_over_ipv6(self):
        for tcp in (False, True):
            answer = dns.ask((RESOLVER_IPV6, 53), "www.shop.example", "AAAA", tcp=tcp, source=CLIENT_IPV6)
            self.assertEqual(answer.data("AAAA"), ["2001:db8:10::11"])

    def test_long_answers_go_over_tcp(self):
        truncated = self.weir.ask("long.shop.example", "TXT")
        self.assertTrue(truncated.truncated)
        self.assertLessEqual(truncated.size, 1232)
        whole = self.weir.ask("long.shop.example", "TXT", tcp=True)
        self.assertFalse(whole.truncated)
        self.assertEqual(whole.data("TXT"), dns.ask(("10.53.0.4", 53), "long.shop.example", "TXT", tcp=True).data("TXT"))
        for client in (clients.dig, clients.kdig):
            with self.subTest(client=client.__name__):
                seen = client(self.weir.server, "long.shop.example", "TXT")
                self.assertTrue(seen.over_tcp, seen.text)
                self.assertEqual(len(seen.data("TXT")), 1)

    def test_size_that_the_client_takes(self):
        # RFC 1035: 512 octets without EDNS; RFC 6891: as advertised.
        self.assertTrue(self.weir.ask("medium.shop.example", "TXT", edns=False).truncated)
        whole = self.weir.ask("medium.shop.example", "TXT", size=1232)
        self.assertFalse(whole.truncated)
        self.assertGreater(whole.size, 512)

    def test_edns_only_for_those_who_speak_it(self):
        self.assertFalse(self.weir.ask("www.shop.example", edns=False).edns)
        self.assertTrue(self.weir.ask("www.shop.example", edns=True).edns)

    def test_ttl_runs_down_in_the_cache(self):
        first = self.weir.ask("video.news.example").answer[0].ttl
        deadline = time.monotonic() + 5
        while True:
            later = self.weir.ask("video.news.example").answer[0].ttl
            if later < first:
                break
            self.assertLess(time.monotonic(), deadline, "the TTL stands still")
            time.sleep(0.1)
        self.assertLessEqual(first, 300)

    def test_case_of_the_question_comes_back(self):
        message = dns.query("wWw.ShOp.eXaMpLe")
        reply = dns.send_udp(self.weir.server, message)
        length = len(dns.wire_name("www.shop.example"))
        self.assertEqual(reply[12:12 + length], message[12:12 + length])

    def test_name_of_127_labels(self):
        self.assertEqual(self.weir.ask(".".join(["a"] * 127)).rcode, "NXDOMAIN")

    def test_pipelined_over_one_connection(self):
        names = [f"p{number}.bulk.test" for number in range(50)]
        with socket.create_connection(self.weir.server, timeout=10) as tcp:
            messages = [dns.query(name, id=number) for number, name in enumerate(names)]
            tcp.sendall(b"".join(struct.pack(">H", len(message)) + message for message in messages))
            found = {}
            for _ in names:
                answer = dns.parse(dns.read_exactly(tcp, struct.unpack(">H", dns.read_exactly(tcp, 2))[0]))
                found[answer.id] = (answer.question[0], answer.data("A"))
        self.assertEqual(found, {number: (name + ".", ["198.51.100.100"]) for number, name in enumerate(names)})

    def test_strangers_are_refused(self):
        for tcp in (False, True):
            with self.subTest(tcp=tcp):
                answer = self.weir.ask("www.shop.example", source=OUTSIDER, tcp=tcp)
                self.assertEqual((answer.rcode, answer.answer, [code for code, _ in answer.ede]), ("REFUSED", [], [18]))
        self.assertEqual(self.weir.ask("www.shop.example", source=CLIENT).rcode, "NOERROR")

    def test_bad_messages_harm_nobody(self):
        """Truncated, looping and senseless messages: FORMERR, NOTIMP or silence, and the next query is answered."""
        good = dns.query("www.shop.example")
        loop = good[:12] + b"\xc0\x0c" + b"\0\1\0\1"
        cases = {
            "empty": b"", "half a header": good[:6], "header alone": good[:12], "cut in the name": good[:20],
            "cut before the class": good[:-13], "name points to itself": loop,
            "label of 64 octets": good[:12] + b"\x40" + b"a" * 64 + b"\0\0\1\0\1",
            "name of 300 octets": good[:12] + b"\x3f" + (b"a" * 63 + b"\x3f") * 4 + b"a" * 63 + b"\0\0\1\0\1",
            "a response": good[:2] + b"\x81\x80" + good[4:], "two questions": good[:4] + b"\0\2" + good[6:],
            "opcode update": good[:2] + b"\x29\0" + good[4:], "octets behind": good + b"junk",
            "EDNS version 9": dns.query("www.shop.example", edns=False)[:10] + b"\0\1" +
            dns.query("www.shop.example", edns=False)[12:] + b"\0\0\x29\x04\xd0\0\x09\0\0\0\0",
        }
        for what, message in cases.items():
            with self.subTest(what=what):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                    udp.connect((RESOLVER, 53))
                    udp.settimeout(5)
                    udp.send(message)
                    udp.send(dns.query("www.shop.example", id=0x7777))
                    while True:
                        answer = dns.parse(udp.recv(4096))
                        if answer.id == 0x7777:
                            break
                        if what not in ("octets behind",):
                            self.assertNotEqual(answer.rcode, "NOERROR", str(answer))
                self.assertEqual(answer.rcode, "NOERROR")

    def test_silent_servers_end_in_servfail(self):
        began = time.monotonic()
        answer = self.weir.ask("www.silent.example", timeout=30)
        self.assertEqual(answer.rcode, "SERVFAIL")
        print(f"    silent server given up after {time.monotonic() - began:.1f} s")
        # RFC 9520: the failure is remembered.
        began = time.monotonic()
        self.assertEqual(self.weir.ask("www.silent.example", timeout=30).rcode, "SERVFAIL")
        self.assertLess(time.monotonic() - began, 1)
