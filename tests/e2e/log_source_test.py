"""weir log --source clickhouse: the same questions to the log of this machine and to a server that its sink fills have the
same answers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import unittest
from collections import Counter

from tests.e2e.case import NULL, Case
from tests.support import clickhouse, dns
from tests.support.clickhouse import ClickHouse
from tests.support.daemons import COMMAND
from tests.support.http_api import Client
from tests.support.small_internet import CLIENT, KID

DATABASE = "weir"
CLIENTS = {"full": "10.53.40.1", "none": "10.53.40.2", "pseudonym": "10.53.40.3", "all": "10.53.40.4"}
PORT = 8053
NAMES = 40  # of each list and client
HOSTILE = ("'", "\\", "%", "_", "' OR 1=1 --", "\\' OR 1=1 --", "a\\", "\n", "\u202e", "`", "; DROP TABLE decisions", "\x01")

BODY = """
[api]
listen = ["127.0.0.1:{port}"]

[[list]]
name = "ads"
source = "{lists}/ads.adblock"
category = "advertising"

[[list]]
name = "trackers"
source = "{lists}/trackers.adblock"
category = "tracking"

[[list]]
name = "good"
source = "{lists}/good.adblock"
kind = "allow"

[[list]]
name = "seen"
source = "{lists}/seen.adblock"
mode = "observe"

[[policy]]
name = "default"
lists = ["ads", "trackers", "good", "seen"]

[[sink]]
name = "lines"
kind = "json"
to = "{folder}/decisions.json"

[[sink]]
name = "house"
kind = "clickhouse"
to = "{url}"
user = "{user}"
password_file = "{password_file}"
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


@unittest.skipUnless(clickhouse.PROGRAM, "clickhouse-server is not installed")
class LogSourceTest(Case):
    ADDRESSES = tuple(CLIENTS.values())
    LISTS = {"ads.adblock": "||ads.example^\n||both.example^\n", "trackers.adblock": "# one\n||tracker.example^\n||both.example^\n",
             "good.adblock": "||good.ads.example^\n", "seen.adblock": "||video.news.example^\n"}
    START = False

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.house = ClickHouse(cls.folder / "clickhouse").start()
        cls.addClassCleanup(cls.house.kill)
        cls.weir.write_config(BODY.format(lists=cls.lists, folder=cls.folder, url=cls.house.url, port=PORT,
                                          user=clickhouse.USER, password_file=cls.house.password_file))
        cls.weir.start()
        cls.await_lists()
        cls.weir.until("ready.tracker.example", NULL, source=CLIENT)
        cls.fill()

    @classmethod
    def fill(cls) -> None:
        """Decisions of every class, of clients at every level of privacy, and of names that are no pleasure."""
        for source in (CLIENT, KID, *CLIENTS.values()):
            for number in range(NAMES):
                zone = ("ads", "tracker", "both")[number % 3]
                cls.weir.ask(f"{'Host' if number % 2 else 'host'}{number % 13}.{zone}.example",
                             "AAAA" if number % 5 == 0 else "A", source=source)
            cls.weir.ask("good.ads.example", "A", source=source)
            cls.weir.ask("video.news.example", "A", source=source)
            for labels in ((b"dotted.ads", b"example"), (b"back\\", b"ads", b"example"), (b"100%_'x", b"ads", b"example"),
                           (b"\x1b[31m\n", b"ads", b"example"), (b"a\0b", b"tracker", b"example")):
                wire = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
                dns.send_udp(cls.weir.server, b"\0\1\1\0\0\1\0\0\0\0\0\0" + wire + b"\0\1\0\1", source=source)

        def settled():
            state = cls.weir.done("status", "--json").json
            rows = state["log"]["rows"]
            house = next(sink for sink in state["sinks"] if sink["name"] == "house")
            before, cls.rows_before = cls.rows_before, rows
            return rows if rows == before == house["sent"] and rows > 6 * NAMES and not house["waiting"] else None
        cls.rows_before = -1
        cls.rows = dns.wait_until(settled, 30, "ClickHouse has what the log has", every=0.3)

    # The same question to both.

    def both(self, *words: str) -> tuple[dict, dict]:
        own = self.weir.done("log", *words, "--json").json
        there = self.weir.done("log", *words, "--source", "clickhouse", "--json").json
        self.assertEqual(there.pop("source"), "clickhouse:house")
        own.pop("note", None)
        return own, there

    FILTERS = [(), ("--name", "ads.example"), ("--name", "example"), ("--name", "."), ("--name", "dotted\\.ads.example"),
               ("--name", "HOST1.ads.example"), ("--text", "ost1"), ("--text", "%_"), ("--text", "HOST"),
               ("--list", "trackers"), ("--list", "nosuch"), ("--group", "full"), ("--group", "default", "--list", "ads"),
               ("--type", "AAAA"), ("--client", CLIENTS["full"]), ("--client", CLIENT), ("--client", "10.53.40.0/24"),
               ("--client", "10.53.40.0/31"), ("--client", "10.53.0.0/16"), ("--client", "10.53.1.128/25"),
               ("--client", "2001:db8::/32"), ("--client", "p-0123456789abcdef"), ("--class", "blocked"),
               ("--class", "would_block"), ("--class", "allowed_over_block"), ("--class", "resolved"),
               ("--class", "blocked", "--type", "A", "--name", "tracker.example", "--group", "all"),
               ("--since", "1h"), ("--until", "1h"), ("--since", "2h", "--until", "1h")]

    @staticmethod
    def as_set(rows: list[dict]) -> Counter[str]:
        """Without what one of them does not have: the log rounds latencies, and is of one machine."""
        return Counter(json.dumps({key: row[key] for key in row.keys() - {"node", "latency_us"}}, sort_keys=True)
                       for row in rows if row.get("class") != "dropped")

    def test_1_rows_are_the_same(self):
        seen = 0
        for words in self.FILTERS + [("--text", text) for text in HOSTILE] + [("--list", text) for text in HOSTILE]:
            with self.subTest(words=words):
                own, there = self.both("search", "--limit", "2000", *words)
                self.assertEqual((own["complete"], there["complete"]), (True, True))
                self.assertEqual(self.as_set(there["rows"]), self.as_set(own["rows"]))
                self.assertEqual([row["time"] for row in there["rows"]], sorted(row["time"] for row in there["rows"]))
                seen += len(there["rows"]) not in (0, self.rows)
        self.assertGreater(seen, 15, "filters that find something, and not all")
        pseudonym = next(row["client"] for row in self.both("search", "--group", "pseudonym")[1]["rows"])
        own, there = self.both("search", "--client", pseudonym, "--limit", "2000")
        self.assertEqual(self.as_set(there["rows"]), self.as_set(own["rows"]))
        self.assertGreater(len(there["rows"]), NAMES)
        shown = self.weir.done("log", "search", "--source", "clickhouse:house", "--limit", "5").out
        self.assertRegex(shown.splitlines()[0], r"^TIME .* NODE$")
        self.assertIn(os.uname().nodename, shown)
        self.assertNotIn("\x1b", self.weir.done("log", "search", "--source", "clickhouse", "--limit", "2000").out)

    def test_2_sums_are_the_same(self):
        for by in ("name", "domain", "client", "list", "category", "group", "class", "type"):
            for words in ((), ("--class", "blocked"), ("--list", "ads"), ("--name", "ads.example"), ("--min-clients", "2"),
                          ("--since", "1h"), ("--until", "1h"), ("--text", "'")):
                with self.subTest(by=by, words=words):
                    own, there = self.both("top", "--by", by, "--limit", "1000", *words)
                    self.assertEqual(self.as_set(there.pop("rows")), self.as_set(own.pop("rows")))
                    own.pop("since"), there.pop("since")  # a minute may begin between them
                    self.assertEqual(there, own)
        few = self.weir.done("log", "top", "--by", "list", "--limit", "1", "--source", "clickhouse", "--json").json
        self.assertEqual((len(few["rows"]), few["decisions"]), (1, self.rows))
        for step in ("1m", "7m", "1h", "24h"):
            for words in ((), ("--by", "list"), ("--by", "category"), ("--by", "group"), ("--by", "class"),
                          ("--by", "list", "--type", "A"), ("--group", "full"), ("--class", "blocked", "--name", "ads.example")):
                with self.subTest(step=step, words=words):
                    own, there = self.both("timeline", "--step", step, "--since", "3h", *words)
                    self.assertEqual(there["rows"], own["rows"])
        self.assertIn("#####", self.weir.done("log", "timeline", "--source", "clickhouse").out)

    def test_3_pages_have_each_row_once(self):
        found, cursor, pages = Counter(), [], 0
        while True:
            page = self.weir.done("log", "search", "--source", "clickhouse", "--json", "--limit", "31", *cursor).json
            found += self.as_set(page["rows"])
            pages += 1
            if page["complete"]:
                break
            cursor = ["--cursor", page["next"]]
        self.assertEqual((found.total(), len(found)), (self.rows, len(self.as_set(
            self.both("search", "--limit", "2000")[1]["rows"]))))
        self.assertGreater(pages, self.rows // 31)
        told = self.weir.done("log", "search", "--source", "clickhouse", "--limit", "5").err
        self.assertRegex(told, r"go on with --cursor c\d+\.\d+\.\d+\.\d+")

    def test_4_sql(self):
        asked = ("log", "sql", "--source", "clickhouse")
        answer = self.weir.done(*asked, "--json", "SELECT count() AS n FROM decisions FINAL -- all").json
        self.assertEqual((answer["columns"], int(answer["rows"][0][0]), answer["complete"]), (["n"], self.rows, True))
        self.assertEqual(self.weir.done(*asked, "--format", "csv", "SELECT '=1+1', 2, 'a'").out.splitlines()[1], "'=1+1,2,a")
        many = self.weir.done(*asked, "--limit", "3", "SELECT number FROM system.numbers")
        self.assertEqual(len(many.out.splitlines()), 4)
        self.assertIn("there are more rows", many.err)
        for statement, says in (("INSERT INTO minutes (list) VALUES ('x')", "readonly"), ("SELECT nosuch FROM decisions", "nosuch"),
                                ("SELECT 1 SETTINGS max_execution_time = 0", "readonly"),
                                ("DROP TABLE decisions", ""), ("SELECT 1; SELECT 2", "yntax"), ("", "which statement")):
            ran = self.weir.command(*asked, statement)
            self.assertEqual(ran.status, 2, ran)
            self.assertIn(says, ran.err)
        slow = self.weir.command(*asked, "--seconds", "1", "SELECT sum(number) FROM system.numbers")
        self.assertEqual(slow.status, 3, slow)
        self.assertIn("Timeout exceeded", slow.err)

    def test_5_what_cannot_be_asked_is_told(self):
        for words, status, says in (
                (("search", "--source", "clickhouse", "--class", "counters"), 2, "decisions alone"),
                (("search", "--source", "clickhouse", "--class", "dropped"), 2, "decisions alone"),
                (("search", "--source", "clickhouse", "--cursor", "1784000000000.12.0"), 2, "no cursor of a log in ClickHouse"),
                (("search", "--source", "clickhouse", "--smallest-group", "10"), 2, "smallest_group"),
                (("search", "--source", "sqlite"), 2, "clickhouse:NAME"), (("top", "--source", "clickhouse:"), 2, "clickhouse:NAME"),
                (("top", "--source", "clickhouse:hose"), 3, 'did you mean "house"?'),
                (("timeline", "--source", "clickhouse:lines"), 2, "another kind")):
            ran = self.weir.command("log", *words)
            self.assertEqual(ran.status, status, ran)
            self.assertIn(says, ran.err)
        admin, analyst = (Client("127.0.0.1", PORT, self.weir.done("token", "add", role, "--role", role).out.strip())
                          for role in ("admin", "analyst"))
        for path, values in (("/log/search", {}), ("/log/top", {"by": "class"}), ("/log/timeline", {})):
            refused = analyst.get(path, source="clickhouse", **values)
            self.assertEqual((refused.status, refused.code), (403, "permission"), refused)
            self.assertEqual(admin.get(path, source="clickhouse", **values).json["source"], "clickhouse:house")
        self.assertEqual(admin.post("/log/sql", source="clickhouse", statement="SELECT 1").json["rows"], [[1]])

    def test_6_rows_of_another_machine_count_once_whatever_comes_twice(self):
        values = ", ".join(f"(toDateTime({int(time.time()) - 2 * 86400}), {(int(time.time()) - 2 * 86400) * 1000}, 'blocked', "
                           f"'x{row}.elsewhere.example', 'elsewhere.example', 'A', 'ads', 'elsewhere', 1, 1, {row})"
                           for row in range(50))
        for _ in range(2):
            self.house.ask("INSERT INTO decisions (time, time_ms, class, name, domain, type, list, node, writer, batch, row) "
                           f"VALUES {values}", database=DATABASE)
        asked = ("--source", "clickhouse", "--name", "elsewhere.example", "--json")
        rows = self.weir.done("log", "search", "--limit", "2000", *asked).json["rows"]
        self.assertEqual((len(rows), {row["node"] for row in rows}), (50, {"elsewhere"}))
        top = self.weir.done("log", "top", "--by", "domain", "--since", "72h", "--source", "clickhouse", "--json").json
        self.assertIn({"decisions": 50, "key": "elsewhere.example"}, top["rows"])
        self.assertEqual(top["decisions"], self.rows + 50)

    def test_7_a_server_that_hangs_or_is_gone_is_told_of_and_nobody_else_waits(self):
        server = self.house._process
        os.kill(server.pid, signal.SIGSTOP)
        try:
            begun = time.monotonic()
            hanging = subprocess.Popen([COMMAND, "--config", self.weir.config, "log", "top", "--source", "clickhouse",
                                        "--seconds", "1"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            self.weir.done("log", "search", "--limit", "1")
            self.weir.done("status")
            self.assertIsNone(hanging.poll(), "it was over before the others were asked")
            err = hanging.communicate(timeout=20)[1]
            self.assertEqual(hanging.returncode, 3, err)
            self.assertIn("ClickHouse", err)
            self.assertLess(time.monotonic() - begun, 8)
        finally:
            os.kill(server.pid, signal.SIGCONT)
        self.house.kill()
        for words in (("search",), ("top",), ("timeline",), ("sql", "SELECT 1")):
            ran = self.weir.command("log", *words, "--source", "clickhouse")
            self.assertEqual(ran.status, 3, ran)
            self.assertIn("ClickHouse: ", ran.err)
            self.assertNotIn(clickhouse.PASSWORD, ran.err)
        self.assertEqual(self.weir.command("log", "search").status, 0)
