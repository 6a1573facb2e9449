"""Lists come, change, are rolled back and go; every step is seen by asking the resolver."""

from tests.e2e.case import BULK, NULL, PARKED, Case

BIG = 20_000


class ListsTest(Case):
    LISTS = {"one.domains": "h1.bulk.test\nh2.bulk.test\n", "allowed.domains": "free.ads.example\n",
             "ads.adblock": "||ads.example^\n"}
    BODY = """
[[list]]
name = "one"
source = "{lists}/one.domains"

[[list]]
name = "ads"
source = "{lists}/ads.adblock"

[[list]]
name = "allowed"
source = "{lists}/allowed.domains"
kind = "allow"

[[policy]]
name = "default"
lists = ["one", "ads", "allowed"]
"""

    def test_update_and_rollback(self):
        self.shows(("h1.bulk.test", "A", NULL), ("h2.bulk.test", "A", NULL), ("h3.bulk.test", "A", BULK))
        self.write_list("one.domains", "h2.bulk.test\nh3.bulk.test\n")
        self.weir.done("list", "update", "one")
        self.shows(("h1.bulk.test", "A", BULK), ("h2.bulk.test", "A", NULL), ("h3.bulk.test", "A", NULL))
        entries = self.weir.done("list", "history", "one", "--json").json["imports"]
        self.assertGreaterEqual(len(entries), 2)
        oldest = min(entry["import"] for entry in entries)
        self.weir.done("list", "rollback", "one", str(oldest))
        self.shows(("h1.bulk.test", "A", NULL), ("h2.bulk.test", "A", NULL), ("h3.bulk.test", "A", BULK))
        self.write_list("one.domains", "h1.bulk.test\nh2.bulk.test\n# changed again\n")
        self.weir.done("list", "update", "one")
        self.shows(("h1.bulk.test", "A", NULL), ("h3.bulk.test", "A", BULK))

    def test_allow_list_beats_block_list(self):
        self.shows(("free.ads.example", "A", PARKED), ("paid.ads.example", "A", NULL))

    def test_add_and_remove(self):
        path = self.write_list("added.domains", "h50.bulk.test\n")
        self.shows(("h50.bulk.test", "A", BULK))
        self.weir.done("list", "add", "added", str(path))
        self.shows(("h50.bulk.test", "A", NULL))
        self.assertIn("added", self.weir.done("list", "show").out)
        self.weir.done("list", "remove", "added")
        self.shows(("h50.bulk.test", "A", BULK))
        self.assertNotIn("added", self.weir.done("list", "show").out)

    def test_every_line_in_one_bucket(self):
        path = self.write_list("mixed.txt", "# comment\n\n0.0.0.0 a.example b.example\n||c.example^\n||d.example^$third-party\n"
                               "example.com##.ad\nnot a name at all!\nc.example\n127.0.0.1 localhost\n")
        shown = self.weir.done("list", "check", str(path), "--json").json
        self.assertEqual(shown["lines"], 9)
        self.assertEqual(sum(shown["buckets"].values()), 9)
        self.assertEqual(shown["buckets"]["browser_modifier"], 1)
        self.assertEqual(shown["buckets"]["local_name"], 1)

    def test_big_list_counts(self):
        path = self.write_list("big.hosts", "".join(f"0.0.0.0 big{n}.bulk.test\n" for n in range(BIG)))
        self.weir.done("list", "add", "big", str(path))
        shown = self.weir.done("list", "show", "big", "--json").json
        self.assertEqual(shown["lists"][0]["rules"], BIG)
        self.shows(("big0.bulk.test", "A", NULL), (f"big{BIG - 1}.bulk.test", "A", NULL), (f"big{BIG}.bulk.test", "A", BULK))
        self.weir.done("list", "remove", "big")
        self.shows(("big0.bulk.test", "A", BULK))
