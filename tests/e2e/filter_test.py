"""What clients get for blocked names: every mode, by group, over chain and addresses; and who may ask at all."""

from tests.e2e.case import NULL, PARKED, Case
from tests.support import clients, dns
from tests.support.small_internet import CLIENT, KID, KID_IPV6

# group -> a client of it; each group has the policy of its name
MODES = {"nxdomain": "10.53.20.1", "nodata": "10.53.20.2", "refused": "10.53.20.3", "address": "10.53.20.4",
         "quiet": "10.53.20.5", "open": "10.53.20.6", "legal": "10.53.20.7", "denied": "10.53.20.8", "learner": "10.53.20.9"}
EXEMPT = "10.53.7.99"  # inside the prefix of `kids`, with a more specific group of its own

SHARED_LISTS = '"ads", "trackers", "threats", "networks"'


class FilterTest(Case):
    ADDRESSES = (*MODES.values(), EXEMPT)
    LISTS = {
        "ads.hosts": "# Title: ads\n127.0.0.1 localhost\n0.0.0.0 ads.example\n0.0.0.0 banner.ads.example\n",
        "trackers.adblock": "! trackers\n||tracker.example^\n||collect.metrics.test^\n@@||good.tracker.example^\n",
        "threats.domains": "malware.example\n",
        "networks.txt": "203.0.113.0/24\n2001:db8:666::/48\n",
        "observed.domains": "video.news.example\n",
        "wanted.domains": "bank.example\nnews.example\n",
        "school.domains": "school.example\n",
    }
    BODY = """
[[list]]
name = "ads"
source = "{lists}/ads.hosts"

[[list]]
name = "trackers"
source = "{lists}/trackers.adblock"

[[list]]
name = "threats"
source = "{lists}/threats.domains"
match = "subtree"

[[list]]
name = "networks"
source = "{lists}/networks.txt"
kind = "address"

[[list]]
name = "observed"
source = "{lists}/observed.domains"
mode = "observe"

[[list]]
name = "wanted"
source = "{lists}/wanted.domains"
kind = "allow"
match = "subtree"

[[list]]
name = "court"
source = "{lists}/school.domains"
match = "subtree"
basis = "legal"

[[list]]
name = "school"
source = "{lists}/school.domains"
match = "subtree"
basis = "requested"

[[policy]]
name = "default"
lists = [""" + SHARED_LISTS + """, "observed"]

[[policy]]
name = "kids"
lists = [""" + SHARED_LISTS + """, "school"]
ttl = 5
ede_text = "list"
""" + "".join(f"""
[[policy]]
name = "{name}"
{keys}

[[group]]
name = "{name}"
clients = ["{MODES[name]}"]
policy = "{name}"
""" for name, keys in {
        "nxdomain": f'lists = [{SHARED_LISTS}]\nblock = "nxdomain"',
        "nodata": f'lists = [{SHARED_LISTS}]\nblock = "nodata"',
        "refused": f'lists = [{SHARED_LISTS}]\nblock = "refused"',
        "address": f'lists = [{SHARED_LISTS}]\nblock = "address"\nblock_address = ["192.0.2.99", "2001:db8:99::99"]',
        "quiet": f'lists = [{SHARED_LISTS}]\nede_text = "off"',
        "open": "lists = []",
        "legal": 'lists = ["court"]',
        "denied": 'lists = ["wanted"]\ndefault = "deny"',
        "learner": 'lists = ["wanted"]\ndefault = "learn"\nprivacy = "full"',
    }.items()) + """
[[group]]
name = "kids"
clients = ["10.53.7.0/24", "fd53:7::/64"]
policy = "kids"

[[group]]
name = "exempt"
clients = ["10.53.7.99/32"]
policy = "open"
"""

    def test_null_by_type(self):
        self.shows(("ads.example", "A", NULL), ("ads.example", "AAAA", ["::"]), ("banner.ads.example", "A", NULL),
                   ("ads.example", "HTTPS", []), ("ads.example", "TXT", []), ("ads.example", "ANY", []),
                   source=CLIENT)

    def test_exact_and_subtree(self):
        # A hosts file names names; adblock and `match = subtree` all below.
        self.shows(("www.ads.example", "A", PARKED), ("x.tracker.example", "A", NULL), ("tracker.example", "A", NULL),
                   ("good.tracker.example", "A", PARKED), ("a.b.malware.example", "A", NULL),
                   ("www.shop.example", "AAAA", ["2001:db8:10::11"]), source=CLIENT)

    # SEMANTICS 4: it must be the QNAME or an ancestor
    # SEMANTICS 4: MNAME = our own name
    # SEMANTICS 4: RNAME = the contact in the configuration
    # SEMANTICS 4: MINIMUM and TTL = block TTL.
    def test_flags_ttl_and_soa(self):
        answer = self.weir.ask("ads.example", "A")
        self.assertEqual((answer.answer[0].ttl, answer.authority), (30, []))
        self.assertEqual((answer.authoritative, answer.recursion_available, answer.authentic), (False, True, False))
        empty = self.weir.ask("x.tracker.example", "TXT")
        # The owner is the matched name, an ancestor of the QNAME; MNAME and RNAME are ours.
        self.assertEqual((empty.rcode, empty.soa().name, empty.soa().ttl), ("NOERROR", "tracker.example.", 30))
        mname, rname, serial, *_, minimum = empty.soa().data.split()
        self.assertEqual((mname, rname, minimum), ("weir.invalid.", "hostmaster.invalid.", "30"))
        generation = int(empty.ede[0][1].rsplit("generation ", 1)[1])
        self.assertEqual(int(serial), generation)

    def test_policy_ttl(self):
        self.assertEqual(self.weir.ask("ads.example", source=KID).answer[0].ttl, 5)

    def test_nxdomain_and_its_degradation(self):
        client = MODES["nxdomain"]
        for type in ("A", "AAAA", "TXT", "HTTPS"):
            with self.subTest(type=type):
                # ||tracker.example^ covers all below, but @@ opens something there; malware.example is whole.
                answer = self.weir.ask("x.malware.example", type, source=client)
                self.assertEqual((answer.rcode, answer.soa().name), ("NXDOMAIN", "example."))
                degraded = self.weir.ask("ads.example", type, source=client)  # exact: names below exist
                self.assertEqual((degraded.rcode, degraded.answer, degraded.soa().name), ("NOERROR", [], "ads.example."))
                self.assertEqual(self.weir.ask("x.tracker.example", type, source=client).rcode, "NOERROR")
        self.shows(("www.ads.example", "A", PARKED), ("good.tracker.example", "A", PARKED), source=client)

    def test_nodata_refused_address(self):
        answer = self.weir.ask("ads.example", source=MODES["nodata"])
        self.assertEqual((answer.rcode, answer.answer, answer.soa().name), ("NOERROR", [], "ads.example."))
        answer = self.weir.ask("ads.example", source=MODES["refused"])
        self.assertEqual((answer.rcode, answer.answer, answer.authority), ("REFUSED", [], []))
        self.shows(("ads.example", "A", ["192.0.2.99"]), ("ads.example", "AAAA", ["2001:db8:99::99"]),
                   ("ads.example", "HTTPS", []), source=MODES["address"])

    # SEMANTICS 4: one option per reply
    # SEMANTICS 4: 17 *Filtered* for lists that the client or its group asked for
    def test_extended_errors(self):
        for client, code, text in [(CLIENT, 15, "list ads, rule ads.example, generation "), (KID, 15, "list ads"),
                                   (MODES["quiet"], 15, None), (MODES["nodata"], 15, "list ads")]:
            with self.subTest(client=client):
                ede = self.weir.ask("ads.example", source=client).ede
                self.assertEqual([found for found, _ in ede], [code])
                if text is None:
                    self.assertEqual(ede[0][1], "")
                else:
                    self.assertTrue(ede[0][1].startswith(text), ede)
        self.assertNotIn("rule", self.weir.ask("ads.example", source=KID).ede[0][1])
        self.assertEqual(self.weir.ask("www.school.example", source=MODES["legal"]).ede[0][0], 16)
        self.assertEqual(self.weir.ask("www.school.example", source=KID).ede[0][0], 17)
        self.assertEqual(self.weir.ask("www.shop.example").ede, [])
        self.assertEqual(self.weir.ask("ads.example", edns=False).ede, [])

    def test_as_dig_and_kdig_show_it(self):
        for client in (clients.dig, clients.kdig):
            with self.subTest(client=client.__name__):
                seen = client(self.weir.server, "ads.example", "A", source=CLIENT)
                self.assertEqual((seen.status, seen.data("A")), ("NOERROR", NULL), seen.text)
                self.assertEqual(seen.ede[0][0], 15, seen.text)
                self.assertIn("list ads", seen.ede[0][1])

    def test_over_tcp_as_over_udp(self):
        self.shows(("ads.example", "A", NULL), ("www.ads.example", "A", PARKED), tcp=True)

    def test_groups_by_prefix(self):
        self.shows(("www.school.example", "A", ["192.0.2.51"]), ("ads.example", "A", NULL), source=CLIENT)
        self.shows(("www.school.example", "A", NULL), ("ads.example", "A", NULL), source=KID)
        self.shows(("www.school.example", "A", ["192.0.2.51"]), ("ads.example", "A", PARKED), source=EXEMPT)
        self.shows(("ads.example", "A", PARKED), ("tracker.example", "A", PARKED), source=MODES["open"])
        self.assertEqual(clients.dig(("fd53::53", 53), "www.school.example", "A", source=KID_IPV6).data("A"), NULL)

    def test_one_cache_many_answers(self):
        """Blocked for one group, then resolved for another, then blocked again: the cache holds what is true."""
        for _ in range(3):
            self.shows(("www.school.example", "A", NULL), source=KID)
            self.shows(("www.school.example", "A", ["192.0.2.51"]), source=CLIENT)

    def test_cloaked_trackers(self):
        # stats.news.example is an alias of collect.metrics.test; stats2 goes through cdn.test.
        for name in ("stats.news.example", "stats2.news.example"):
            for _ in range(2):  # from the engine, from the cache
                answer = self.weir.ask(name, source=CLIENT)
                self.assertEqual((answer.data("A"), answer.data("CNAME")), (NULL, []), str(answer))
                self.assertEqual((answer.answer[0].name, answer.ede[0][0]), (name + ".", 15))
                self.assertIn("collect.metrics.test", answer.ede[0][1])
            self.shows((name, "A", ["198.51.100.41"]), source=MODES["open"])
        self.shows(("other.metrics.test", "A", ["198.51.100.42"]), source=CLIENT)

    def test_address_lists(self):
        for _ in range(2):
            self.shows(("suspect.shop.example", "A", NULL), ("mixed.shop.example", "A", NULL),
                       ("suspect6.shop.example", "AAAA", ["::"]), ("v4.shop.example", "A", ["192.0.2.13"]), source=CLIENT)
            self.shows(("suspect.shop.example", "A", ["203.0.113.66"]),
                       ("mixed.shop.example", "A", ["192.0.2.14", "203.0.113.67"]), source=MODES["open"])
        self.assertIn("203.0.113.0/24", self.weir.ask("suspect.shop.example").ede[0][1])

    def test_observed_lists_do_not_block(self):
        self.shows(("video.news.example", "A", ["192.0.2.21"]), source=CLIENT)

    def test_default_deny(self):
        client = MODES["denied"]
        self.shows(("www.bank.example", "A", ["192.0.2.41"]), ("www.shop.example", "A", NULL),
                   ("ads.example", "A", NULL), source=client)
        # An allowed name passes with its chain and addresses (SEMANTICS section 6).
        self.shows(("stats.news.example", "A", ["198.51.100.41"]), source=client)
        self.assertEqual(self.weir.ask("www.shop.example", source=client).ede[0][0], 15)

    # SEMANTICS 6: Provide "learn" mode: observe for a period, then propose the smallest set of subtrees
    def test_learning_an_allow_list(self):
        client = MODES["learner"]
        self.shows(("www.bank.example", "A", ["192.0.2.41"]), ("www.shop.example", "A", ["192.0.2.11", "192.0.2.12"]), source=client)
        self.shows(("ads.example", "A", PARKED), source=client)

        def learned():
            found = self.weir.done("learn", "learner", "--json").json
            return found if len(found["proposals"]) >= 2 else None

        found = dns.wait_until(learned, 15, "two proposals", every=0.1)
        self.assertEqual((found["default"], found["groups"], found["complete"]), ("learn", ["learner"], True))
        self.assertEqual({(each["pattern"], each["kind"], each["clients"]) for each in found["proposals"]},
                         {("shop.example", "subtree", 1), ("ads.example", "subtree", 1)})
        # An exception for a while is no rule.
        self.weir.done("pause", "--for", "1m", "--reason", "test", "--group", "learner")
        self.assertEqual(self.weir.done("learn", "learner", "--json").json["proposals"], found["proposals"])
        for overlay in self.weir.done("overlay", "show", "--json").json["overlays"]:
            self.weir.done("overlay", "end", str(overlay["id"]), "--reason", "test")
        found = self.weir.done("log", "search", "--group", "learner", "--name", "www.shop.example", "--json").json
        self.assertEqual(found["rows"][0]["referring"], "www.bank.example")
        self.assertEqual(self.weir.command("learn", "learner", "--approve", "never.example").status, 3)
        self.weir.done("learn", "learner", "--approve", "shop.example")
        left = self.weir.done("learn", "learner", "--json").json["proposals"]
        self.assertEqual([each["pattern"] for each in left], ["ads.example"])
        self.assertIn("learner", self.weir.done("rule", "show", "--json").out)
        # For the group that learned alone.
        self.shows(("www.shop.example", "A", NULL), source=MODES["denied"])
        self.weir.done("rule", "remove", "shop.example")

    # SEMANTICS 4: the engine's own lookups are never policy-checked
    def test_what_resolution_needs_is_never_blocked(self):
        """The names of the servers are blocked and have to be found first; what they serve is not blocked."""
        self.weir.done("rule", "add", "hosting.test")
        try:
            self.weir.done("cache", "flush", "./subtree")
            self.shows(("www.bank.example", "A", ["192.0.2.41"]), ("ns2.hosting.test", "A", NULL), source=CLIENT)
        finally:
            self.weir.done("rule", "remove", "hosting.test")

    def test_a_blocked_name_is_never_asked_upstream(self):
        """Before any recursion: blocked although its servers are silent, at once."""
        self.weir.done("rule", "add", "silent.example")
        self.shows(("www.silent.example", "A", NULL), timeout=1)
        self.weir.done("rule", "remove", "silent.example")
