"""`weir explain --follow` goes the way of a client's question, and says of each part of the answer who judged it."""

from tests.e2e.case import NULL, Case
from tests.support.small_internet import CLIENT, KID

EARLY = """\
$ORIGIN early.zone.
$TTL 60
@ SOA ns host 1 3600 900 86400 60
ns2.hosting.test.rpz-nsdname CNAME *.
32.4.0.53.10.rpz-nsip        CNAME rpz-passthru.
"""
LATER = """\
$ORIGIN later.zone.
$TTL 60
@ SOA ns host 1 3600 900 86400 60
www.bank.example  CNAME .
x.ads.example     CNAME .
gone.test         CNAME .
"""


class FollowTest(Case):
    LISTS = {"ads.adblock": "||edge7.cdn.test^\n||www.news.example^\n||metrics.test^\n",
             "good.domains": "stats.news.example\n",
             "networks.txt": "203.0.113.0/24\n", "early.zone": EARLY, "later.zone": LATER}
    BODY = """
[[list]]
name = "ads"
source = "{lists}/ads.adblock"

[[list]]
name = "good"
source = "{lists}/good.domains"
kind = "allow"

[[list]]
name = "networks"
source = "{lists}/networks.txt"
kind = "address"

[[list]]
name = "early"
source = "{lists}/early.zone"
kind = "rpz"

[[list]]
name = "later"
source = "{lists}/later.zone"
kind = "rpz"

[[policy]]
name = "default"
lists = ["ads", "good", "networks"]

[[policy]]
name = "kids"
lists = ["early", "later"]

[[group]]
name = "kids"
clients = ["10.53.7.0/24"]
policy = "kids"

[[local_zone]]
name = "home.test"
records = ["nas.home.test 60 A 192.168.1.5", "away.home.test 60 CNAME edge7.cdn.test"]
"""

    def follow(self, name: str, *options: str, status: int = 0) -> dict:
        ran = self.weir.command("explain", name, "--follow", "--json", *options)
        self.assertEqual(ran.status, status, str(ran))
        return ran.json

    def judged(self, followed: dict) -> list[tuple[str, str, str | None]]:
        """Of each part that was looked at: what the last look said, and whose rule that was."""
        rows = []
        for part in followed["parts"]:
            subject = part.get("address") or part["name"].rstrip(".")
            look = part["looks"][-1] if part["looks"] else {"outcome": "not judged", "winner": None}
            rows.append((subject, look["outcome"], look["winner"] and look["winner"]["list"]))
        return rows

    def test_a_blocked_alias(self) -> None:
        found = self.follow("images.shop.example", status=1)
        self.assertEqual((found["outcome"], found["provisional"], found["decided_by"]),
                         ("blocked", False, {"part": "alias", "name": "edge7.cdn.test"}), found)
        self.assertEqual((found["winner"]["list"], found["winner"]["line"]), ("ads", 1))
        self.assertEqual(self.judged(found),
                         [("images.shop.example", "none", None), ("shop.cdn.test", "none", None),
                          ("edge7.cdn.test", "blocked", "ads"), ("198.51.100.7", "not judged", None)])
        self.assertEqual(found["resolved"]["rcode"], "NOERROR")
        self.assertEqual(len(found["resolved"]["records"]), 3)
        self.assertEqual([record.split()[-1] for record in found["answer"]["records"]], NULL)
        said = self.weir.command("explain", "images.shop.example", "--follow").out
        self.assertIn("images.shop.example A is blocked (answered with null), by its alias edge7.cdn.test", said)
        self.assertIn("by    list ads, line 1: edge7.cdn.test and everything below it -> block (rank 4)", said)
        self.assertIn("  alias        shop.cdn.test: no rule\n", said)
        self.assertIn("  address      198.51.100.7 of edge7.cdn.test: not judged", said)
        # Without it the name alone is looked at, which no rule knows.
        self.assertEqual(self.weir.command("explain", "images.shop.example").status, 0)

    def test_a_blocked_address(self) -> None:
        found = self.follow("mixed.shop.example", status=1)
        self.assertEqual(found["decided_by"], {"part": "address", "name": "mixed.shop.example",
                                               "address": "203.0.113.67"}, found)
        self.assertEqual((found["winner"]["list"], found["winner"]["pattern"]), ("networks", "203.0.113.0/24"))
        self.assertEqual(self.judged(found)[1:], [("203.0.113.67", "blocked", "networks"),
                                                  ("192.0.2.14", "not judged", None)])

    def test_a_blocked_name_is_not_asked_for(self) -> None:
        found = self.follow("www.news.example", status=1)
        self.assertEqual((found["decided_by"]["part"], found["resolved"], len(found["parts"])), ("qname", None, 1))
        self.assertIn("decided before anybody was asked", self.weir.command("explain", "www.news.example", "--follow").out)

    def test_an_allowed_name_clears_what_lists_say_of_its_aliases(self) -> None:
        found = self.follow("stats.news.example")
        self.assertEqual((found["outcome"], found["decided_by"]["part"], found["winner"]["list"]),
                         ("allowed", "qname", "good"))
        alias = found["parts"][1]
        self.assertEqual((alias["name"], alias["looks"][-1]["lists_cleared"]), ("collect.metrics.test", True))
        self.assertEqual([rule["list"] for rule in alias["rules"]], ["ads"])
        self.assertIn("what lists say does not count behind an allowed name",
                      self.weir.command("explain", "stats.news.example", "--follow").out)

    def test_a_name_server_of_an_earlier_zone_overrules_a_provisional_block(self) -> None:
        """The later zone blocks the name with NXDOMAIN; the earlier one knows a server of its zone, and says NODATA."""
        found = self.follow("www.bank.example", "--group", "kids", status=1)
        self.assertTrue(found["provisional"], found)
        self.assertEqual((found["decided_by"], found["winner"]["list"]),
                         ({"part": "ns_name", "name": "ns2.hosting.test"}, "early"))
        self.assertEqual(found["parts"][0]["looks"][-1]["winner"]["list"], "later")
        self.assertEqual((found["answer"]["rcode"], found["answer"]["records"]), ("NOERROR", []))
        said = self.weir.command("explain", "www.bank.example", "--follow", "--client", KID).out
        self.assertIn("www.bank.example: blocked by list later, provisionally", said)
        self.assertIn("name server  ns2.hosting.test: blocked by list early (asked of zones before rank 6)", said)

    def test_passthru_by_a_servers_address(self) -> None:
        found = self.follow("x.ads.example", "--group", "kids")
        self.assertEqual((found["outcome"], found["provisional"], found["overruled"]), ("allowed", True, True), found)
        self.assertEqual(found["decided_by"], {"part": "ns_address", "name": "ns1.hosting.test",
                                               "address": "10.53.0.4"})
        self.assertEqual(found["answer"]["rcode"], "NOERROR")
        said = self.weir.command("explain", "x.ads.example", "--follow", "--group", "kids").out
        self.assertIn("x.ads.example: blocked by list later, provisionally", said)
        self.assertIn("ns1.hosting.test, 10.53.0.4: allowed by list early (asked of zones before rank 6)", said)

    def test_a_provisional_block_that_stands(self) -> None:
        found = self.follow("gone.test", "--group", "kids", status=1)
        self.assertEqual((found["provisional"], found["decided_by"]["part"], found["winner"]["list"]),
                         (True, "qname", "later"), found)
        self.assertIsNotNone(found["resolved"])

    def test_local_names(self) -> None:
        self.assertEqual(self.follow("nas.home.test")["outcome"], "local")
        away = self.follow("away.home.test")
        self.assertEqual((away["outcome"], away["parts"][1]["name"]), ("allowed", "edge7.cdn.test"), away)

    def test_what_it_says_is_what_clients_get(self) -> None:
        names = ["images.shop.example", "mixed.shop.example", "suspect.shop.example", "www.news.example",
                 "stats.news.example", "stats2.news.example", "www.shop.example", "www.bank.example", "x.ads.example",
                 "gone.test", "nothing.bulk.test", "dangling.shop.example", "a.metrics.test", "x.moved.example"]
        for group, client in (("default", CLIENT), ("kids", KID)):
            for type in ("A", "AAAA", "TXT"):
                for name in names:
                    with self.subTest(name=name, type=type, group=group):
                        ran = self.weir.command("explain", name, "--follow", "--json", "--type", type, "--client", client)
                        found = ran.json
                        answer = self.weir.ask(name, type, source=client)
                        self.assertEqual(found["answer"]["rcode"], answer.rcode, (found, str(answer)))
                        shown = sorted(record.split()[4] for record in found["answer"]["records"]
                                       if record.split()[3] == type)
                        if type != "TXT":
                            self.assertEqual(shown, answer.data(type), (found, str(answer)))
                        is_blocked = any(code == 15 for code, _ in answer.ede)
                        self.assertEqual(found["outcome"] == "blocked", is_blocked, (found, str(answer)))

    def test_who_cannot_be_followed(self) -> None:
        for arguments, status, text in (
                (("www.shop.example", "--follow", "--at", "1h"), 2, "--follow asks the resolver"),
                (("www.shop.example", "--follow", "--group", "nobody"), 3, 'no group "nobody"'),
                (("192.0.2.1", "--follow"), 3, "an address"),
                (("www.shop.example", "--follow", "--type", "NONSENSE"), 3, "NONSENSE")):
            ran = self.weir.command("explain", *arguments)
            self.assertEqual((ran.status, text in ran.err), (status, True), str(ran))


class FollowWithoutResolverTest(Case):
    BODY = '[[policy]]\nname = "default"\n'

    def test_says_that_there_is_none(self) -> None:
        self.weir.resolver.stop()
        ran = self.weir.command("explain", "www.shop.example", "--follow")
        self.assertEqual((ran.status, "the resolver is not running" in ran.err), (4, True), str(ran))
        self.assertEqual(self.weir.command("explain", "www.shop.example").status, 0)


class FollowBeforeListsTest(Case):
    BODY = """
[[list]]
name = "missing"
source = "{lists}/nothing-there.domains"

[[policy]]
name = "default"
lists = ["missing"]
until_loaded = "refuse"
"""

    @classmethod
    def await_lists(cls) -> None:
        """There is none to wait for."""

    def test_nobody_is_answered(self) -> None:
        self.assertEqual(self.weir.ask("www.shop.example").rcode, "SERVFAIL")
        ran = self.weir.command("explain", "www.shop.example", "--follow")
        self.assertEqual((ran.status, "answers nobody before its lists are loaded" in ran.err), (3, True), str(ran))
