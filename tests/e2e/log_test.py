"""The decision log: what was blocked, for whom as far as the privacy level keeps it, by which line."""

import json

from tests.e2e.case import NULL, PARKED, Case
from tests.support import dns
from tests.support.small_internet import CLIENT, KID

CLIENTS = {"full": "10.53.40.1", "none": "10.53.40.2", "pseudonym": "10.53.40.3", "all": "10.53.40.4"}


class LogTest(Case):
    ADDRESSES = tuple(CLIENTS.values())
    LISTS = {"ads.hosts": "# one\n# two\n0.0.0.0 ads.example\n0.0.0.0 a.ads.example\n0.0.0.0 b.ads.example\n",
             "trackers.adblock": "||collect.metrics.test^\n", "seen.domains": "video.news.example\n",
             "good.domains": "b.ads.example\n"}
    BODY = """
[[list]]
name = "ads"
source = "{lists}/ads.hosts"

[[list]]
name = "trackers"
source = "{lists}/trackers.adblock"

[[list]]
name = "seen"
source = "{lists}/seen.domains"
mode = "observe"

[[list]]
name = "good"
source = "{lists}/good.domains"
kind = "allow"

[[policy]]
name = "default"
lists = ["ads", "trackers", "seen", "good"]
""" + "".join(f"""
[[policy]]
name = "{name}"
lists = ["ads", "trackers"]
{'log_all = true' if name == 'all' else f'privacy = "{name}"'}

[[group]]
name = "{name}"
clients = ["{client}"]
policy = "{name}"
""" for name, client in CLIENTS.items())

    def rows(self, *options: str, wanted: int = 1) -> list[dict]:
        """Searches until there are `wanted` rows: the way through the ring takes a moment."""
        def enough():
            found = self.weir.done("log", "search", "--json", *options)
            rows = [row for line in found.out.splitlines() for row in self.of(line)]
            return rows if len(rows) >= wanted else None
        return dns.wait_until(enough, 15, f"{wanted} rows of log search {' '.join(options)}", every=0.1)

    @staticmethod
    def of(line: str) -> list[dict]:
        value = json.loads(line)
        return value["rows"] if "rows" in value else [value]

    def test_block_with_its_line(self):
        self.shows(("ads.example", "A", NULL), source=CLIENT)
        row = self.rows("--name", "ads.example", "--client", "10.53.1.0/24")[0]
        self.assertEqual((row["name"], row["type"], row["class"], row["list"], row["line"], row["link"], row["group"]),
                         ("ads.example", "A", "blocked", "ads", 3, "qname", "default"), row)
        self.assertGreater(row["import"], 0)
        self.assertGreater(row["generation"], 0)
        self.assertEqual(row["transport"], "udp")

    def test_alias_that_decided(self):
        self.shows(("stats.news.example", "A", NULL), source=CLIENT)
        row = self.rows("--name", "stats.news.example")[0]
        self.assertEqual((row["link"], row["link_name"], row["list"], row["line"]),
                         ("alias", "collect.metrics.test", "trackers", 1), row)

    def test_privacy_levels(self):
        self.shows(("a.ads.example", "A", NULL), source=CLIENT)
        self.assertEqual(self.rows("--name", "a.ads.example", "--group", "default")[0]["client"], "10.53.1.0/24")
        for level in ("full", "none", "pseudonym"):
            with self.subTest(level=level):
                self.shows(("a.ads.example", "A", NULL), source=CLIENTS[level])
                client = self.rows("--name", "a.ads.example", "--group", level)[0]["client"]
                if level == "full":
                    self.assertEqual(client, CLIENTS["full"])
                else:
                    self.assertNotIn("10.53", client)

    def test_classes(self):
        self.shows(("video.news.example", "A", ["192.0.2.21"]), ("b.ads.example", "A", PARKED), source=KID)
        self.assertEqual(self.rows("--name", "video.news.example")[0]["class"], "would_block")
        row = self.rows("--name", "b.ads.example")[0]
        self.assertEqual((row["class"], row["list"]), ("allowed_over_block", "good"), row)
        self.assertEqual([loser["list"] for loser in row["losers"]], ["ads"])

    def test_only_decisions_unless_the_policy_logs_all(self):
        self.shows(("login.bank.example", "A", ["192.0.2.42"]), source=CLIENT)
        self.shows(("login.bank.example", "A", ["192.0.2.42"]), source=CLIENTS["all"])
        rows = self.rows("--name", "login.bank.example")
        self.assertEqual({(row["class"], row["group"]) for row in rows}, {("resolved", "all")})

    def test_search_by_time_list_and_limit(self):
        for _ in range(5):
            self.shows(("x.collect.metrics.test", "A", NULL), source=CLIENT)
        self.assertGreaterEqual(len(self.rows("--name", "x.collect.metrics.test", wanted=5)), 5)
        self.assertEqual(len(self.rows("--list", "trackers", "--limit", "2", wanted=2)), 2)
        self.assertTrue(self.rows("--since", "10m", "--list", "trackers"))
        self.assertNotIn("x.collect", self.weir.done("log", "search", "--until", "1h", "--list", "trackers").out)
        for words in (("--since", "yesteryear"), ("--since", "2026-02-30T00:00:00Z"), ("--until", "2026-06-31"), ("--client", "999.1.1.1"), ("--since", "1h", "--until", "2h")):
            self.assertEqual(self.weir.command("log", "search", *words).status, 2, words)

    def test_sql(self):
        for _ in range(3):
            self.shows(("sql.collect.metrics.test", "A", NULL), source=CLIENT)
        self.rows("--name", "sql.collect.metrics.test", wanted=3)
        where = "WHERE name = 'sql.collect.metrics.test'"
        answer = self.weir.done("log", "sql", "--json", f"SELECT list, type, count(*) AS n FROM decisions {where}").json
        self.assertEqual(answer["columns"], ["list", "type", "n"])
        self.assertEqual(answer["rows"], [["trackers", "A", 3]])
        self.assertTrue(answer["complete"])
        self.assertIn("trackers", self.weir.done("log", "sql", f"SELECT DISTINCT list FROM decisions {where}").out)
        self.assertEqual(self.weir.done("log", "sql", "--format", "csv", "SELECT '=1+1', -1, NULL").out.splitlines()[1],
                         "'=1+1,-1,")
        self.assertIn("latency_us INTEGER", self.weir.done("log", "sql").out)
        refused = self.weir.command("log", "sql", "SELECT nmae FROM decisions")
        self.assertEqual(refused.status, 2)
        self.assertIn("SQL:1:8: no such column: nmae; did you mean name?", refused.err)
        self.assertIn("there are more rows", self.weir.done("log", "sql", "--limit", "1", "SELECT ms FROM decisions").err)

    def test_hostile_names_are_escaped(self):
        name = b"\x1b[31m\n" + b"evil"
        message = dns.query("x", id=1)[:12] + bytes([len(name)]) + name + dns.wire_name("collect.metrics.test") + b"\0\1\0\1"
        message = message[:10] + b"\0\0" + message[12:]
        dns.send_udp(self.weir.server, message, source=CLIENT)
        rows = self.rows("--name", "collect.metrics.test", "--limit", "1000")
        text = dns.wait_until(lambda: (lambda out: out if "evil" in out else None)(
            self.weir.done("log", "search", "--name", "collect.metrics.test", "--limit", "1000").out), 15, "the row")
        self.assertTrue(rows)
        self.assertNotIn("\x1b", text)
