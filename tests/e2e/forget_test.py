"""weir log forget: one client, and a day. The log goes on, and nobody finds the rows by the client any more."""

import json
from collections import Counter

from tests.e2e.case import NULL, Case
from tests.support import dns

CLIENTS = {"full": "10.53.41.1", "prefix": "10.53.42.1", "pseudonym": "10.53.43.1"}
OTHERS = {"full": "10.53.41.2", "prefix": "10.53.44.2", "pseudonym": "10.53.43.2"}


class ForgetTest(Case):
    ADDRESSES = (*CLIENTS.values(), *OTHERS.values())
    LISTS = {"ads.hosts": "0.0.0.0 ads.example\n"}
    BODY = """
[[list]]
name = "ads"
source = "{lists}/ads.hosts"
""" + "".join(f"""
[[policy]]
name = "{level}"
lists = ["ads"]
privacy = "{level}"

[[group]]
name = "{level}"
clients = ["{CLIENTS[level]}", "{OTHERS[level]}"]
policy = "{level}"
""" for level in CLIENTS)

    def clients(self, level: str) -> list[str]:
        out = self.weir.done("log", "search", "--json", "--group", level, "--limit", "1000").json["rows"]
        return [row["client"] for row in out]

    def ask(self, level: str, *sources: str) -> list[str]:
        before = len(self.clients(level))
        for source in sources:
            self.shows(("ads.example", "A", NULL), source=source)
        return dns.wait_until(lambda: (lambda rows: rows if len(rows) >= before + len(sources) else None)(
            self.clients(level)), 15, f"the rows of {level}", every=0.1)

    def forget(self, *options: str) -> dict:
        return self.weir.done("log", "forget", "--json", "--reason", "a request", *options).json

    def test_a_client_and_a_day(self):
        for level in CLIENTS:
            with self.subTest(level=level):
                before = self.ask(level, CLIENTS[level], CLIENTS[level], OTHERS[level])
                self.assertEqual(sorted(Counter(before).values()), [1, 2], before)
                (known, _), (other, _) = Counter(before).most_common()
                done = self.forget("--client", CLIENTS[level])
                self.assertEqual((done["rows"], done["blocks"]), (2, 1), done)
                after = self.clients(level)
                self.assertEqual(sorted(after), sorted(["", "", other]))
                self.assertEqual(self.forget("--client", CLIENTS[level])["rows"], 0)
                # The same client goes on, and is found again.
                self.assertEqual(Counter(self.ask(level, CLIENTS[level]))[known], 1)

        day = self.weir.done("log", "search", "--json", "--limit", "1").json["rows"][0]["time"][:10]
        key = self.weir.run_folder / "keys" / day
        old = key.read_bytes()
        done = self.forget("--day", day)
        self.assertEqual(done["keys"], 1, done)
        self.assertNotEqual(key.read_bytes(), old)
        self.assertEqual(set(self.clients("full")) | set(self.clients("prefix")), {""})
        self.assertIn(known, self.clients("pseudonym"), "pseudonyms stay; nobody knows whose they are")
        # The resolver takes the new key within a second or two.
        named = set(self.clients("pseudonym"))
        new = dns.wait_until(lambda: set(self.ask("pseudonym", CLIENTS["pseudonym"])) - named, 15, "a new pseudonym", every=0.3)
        self.assertEqual(len(new), 1)
        rows = self.clients("pseudonym").count(new.pop())
        self.assertEqual(self.forget("--client", CLIENTS["pseudonym"])["rows"], rows)
        self.assertIn(known, self.clients("pseudonym"), "the old key is gone, so nobody finds these by the address")
    def test_what_is_recorded_names_nobody(self):
        self.ask("full", "10.53.41.2")
        self.forget("--client", "10.53.41.2")
        records = self.weir.done("audit", "show", "--json").json["records"]
        record = [each for each in records if each["what"] == "log forget"][-1]
        self.assertEqual((record["subject"], record["why"]), ("a client", "a request"), record)
        self.assertNotIn("10.53.41.2", json.dumps(records))

    def test_whose_rows_go_with_a_prefix_is_told(self):
        self.assertIn("those of all of 10.53.41.0/24", self.forget("--client", "10.53.41.3")["note"])

    def test_what_is_refused(self):
        for words in ((), ("--client", "nobody"), ("--day", "yesterday"), ("--day", "2999-01-01"), ("--day", "2026-13-01")):
            self.assertEqual(self.weir.command("log", "forget", *words).status, 2, words)
