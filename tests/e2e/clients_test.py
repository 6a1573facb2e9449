"""Clients that others wrote: dnsperf's crowd loses nothing; dig and kdig read what is told, by UDP and by TCP."""

import re

from tests.e2e.case import NULL, Case
from tests.support import clients
from tests.support.small_internet import CLIENT

REFUSING = "10.53.60.1"  # blocked names are told from others by their RCODE
EACH = 1000
RATE = 2000


class ClientsTest(Case):
    ADDRESSES = (REFUSING,)
    LISTS = {"ads.hosts": "0.0.0.0 ads.example\n", "trackers.adblock": "||tracker.example^\n"}
    BODY = f"""
[[list]]
name = "ads"
source = "{{lists}}/ads.hosts"

[[list]]
name = "trackers"
source = "{{lists}}/trackers.adblock"

[[policy]]
name = "default"
lists = ["ads", "trackers"]

[[policy]]
name = "refusing"
lists = ["ads", "trackers"]
block = "refused"

[[group]]
name = "refusing"
clients = ["{REFUSING}"]
policy = "refusing"
"""

    def test_a_crowd_gets_every_answer(self):
        self.weir.ask("www.shop.example")
        for mode in ("udp", "tcp"):
            with self.subTest(mode=mode):
                questions = [question for number in range(EACH) for question in (
                    "www.shop.example A",  # cached
                    f"{mode}{number}.tracker.example A",  # blocked
                    f"{mode}{number}.shop.example A")]  # to be asked upstream, and not there
                report = clients.dnsperf(self.weir.server, questions, "-m", mode, rate=RATE, source=REFUSING)
                self.assertEqual((report.sent, report.completed, report.lost), (3 * EACH, 3 * EACH, 0), report.text)
                self.assertEqual(report.rcodes, {"NOERROR": EACH, "REFUSED": EACH, "NXDOMAIN": EACH}, report.text)

    def test_why_it_was_blocked_by_udp_and_by_tcp(self):
        for client in (clients.kdig, clients.dig):
            for options in ((), ("+tcp",)):
                for name, reason in [("ads.example", r"list ads, rule ads\.example, generation \d+"),
                                     ("x.tracker.example", r"list trackers, rule tracker\.example, generation \d+")]:
                    with self.subTest(client=client.__name__, options=options, name=name):
                        seen = client(self.weir.server, name, "A", *options, source=CLIENT)
                        self.assertEqual((seen.status, seen.data("A"), seen.over_tcp),
                                         ("NOERROR", NULL, bool(options)), seen.text)
                        self.assertEqual([code for code, _ in seen.ede], [15], seen.text)
                        self.assertRegex(seen.ede[0][1], re.compile(f"^{reason}$"))

    def test_what_does_not_fit_is_truncated_and_asked_again_by_tcp(self):
        # `medium` fits into 1232 octets, `long` does not; kdig's and dig's own way on is TCP.
        for client in (clients.kdig, clients.dig):
            for name, size, fits in [("medium", 512, False), ("medium", 1232, True), ("long", 1232, False)]:
                with self.subTest(client=client.__name__, name=name, size=size):
                    question = (self.weir.server, f"{name}.shop.example", "TXT", f"+bufsize={size}")
                    cut = client(*question, "+ignore", source=CLIENT)
                    self.assertEqual((cut.status, "tc" in cut.flags, cut.over_tcp, len(cut.data("TXT"))),
                                     ("NOERROR", not fits, False, 1 if fits else 0), cut.text)
                    whole = client(*question, source=CLIENT)
                    self.assertEqual(("tc" in whole.flags, whole.over_tcp, len(whole.data("TXT"))), (False, not fits, 1),
                                     whole.text)

    def test_dig_by_tcp_gets_what_it_gets_by_udp(self):
        for name in ("www.shop.example", "nothing.shop.example", "ads.example"):
            with self.subTest(name=name):
                udp, tcp = (clients.dig(self.weir.server, name, "A", *options, source=CLIENT) for options in ((), ("+tcp",)))
                self.assertEqual((udp.over_tcp, tcp.over_tcp), (False, True), tcp.text)
                self.assertEqual((udp.status, udp.flags, sorted(udp.answer), udp.ede),
                                 (tcp.status, tcp.flags, sorted(tcp.answer), tcp.ede), tcp.text)
