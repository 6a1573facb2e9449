"""Versions of a list that a guard holds, and what a dry run says before anything is published."""

import time

from tests.e2e.case import BULK, NULL, Case

FIRST = "".join(f"||n{number}.bulk.test^\n" for number in range(60))
IN_USE = "h1.bulk.test"
ASKED = 300  # the resolver counts each 64th answer from its cache


class GuardsTest(Case):
    LISTS = {"one.adblock": FIRST}
    BODY = """
[[list]]
name = "one"
source = "{lists}/one.adblock"
every = "365d"

[[policy]]
name = "default"
lists = ["one"]

[[group]]
name = "others"
clients = ["10.53.9.0/24"]
policy = "default"
"""

    def tearDown(self):
        self.write_list("one.adblock", FIRST)
        self.weir.command("list", "update", "one")

    def held(self) -> str:
        ran = self.weir.command("list", "update", "one")
        self.assertEqual(ran.status, 3, str(ran))
        self.assertIn("the new version is held", ran.err)
        return ran.err

    def test_shrunk_version_waits_for_approval(self):
        self.write_list("one.adblock", "||n0.bulk.test^\n")
        self.assertIn("shrinks by 98 %", self.held())
        self.shows(("n59.bulk.test", "A", NULL))
        shown = self.weir.done("list", "show", "one").out
        self.assertIn("a newer version is held", shown)
        self.assertIn("-n10.bulk.test and below", shown)
        self.held()  # the same bytes stay held
        self.weir.done("list", "approve", "one", "--reason", "they gave up")
        self.shows(("n59.bulk.test", "A", BULK), ("n0.bulk.test", "A", NULL))
        records = self.weir.done("audit", "show", "--json").json["records"]
        self.assertEqual([record["what"] for record in records][-2:], ["hold", "approve"])
        self.assertEqual(records[-1]["why"], "they gave up")
        self.assertEqual(self.weir.command("list", "approve", "one").status, 3)

    def test_name_in_use_is_not_blocked_unseen(self):
        for _ in range(ASKED):
            self.weir.ask(IN_USE)
        self.write_list("one.adblock", FIRST + f"||{IN_USE}^\n")
        dry = self.weir.command("list", "update", "one", "--dry-run", "--json")
        self.assertEqual(dry.status, 3, str(dry))
        blocked = dry.json["cache"]["blocked"]["samples"]
        self.assertEqual({(row["name"], row["group"], row["list"]) for row in blocked},
                         {(IN_USE, "default", "one"), (IN_USE, "others", "one")})
        self.assertGreaterEqual(blocked[0]["hits"], 64)
        self.assertIn("1 name that this network uses", self.held())
        self.shows((IN_USE, "A", BULK))
        self.assertIn(IN_USE, self.weir.done("list", "show", "one").out)
        self.weir.done("list", "approve", "one")
        self.shows((IN_USE, "A", NULL))
        # A name that was asked for once, by mistake maybe, is no name in use.
        self.weir.ask("h2.bulk.test")
        self.write_list("one.adblock", FIRST + f"||{IN_USE}^\n||h2.bulk.test^\n")
        self.weir.done("list", "update", "one")
        self.shows(("h2.bulk.test", "A", NULL))

    def test_dry_run_says_which_decisions_would_go(self):
        for _ in range(3):
            self.shows(("x.n7.bulk.test", "A", NULL))
        self.until_logged("x.n7.bulk.test", 3)
        self.write_list("one.adblock", FIRST.replace("||n7.bulk.test^\n", ""))
        output = self.folder / "changes"
        dry = self.weir.done("list", "update", "one", "--dry-run", "--output", str(output), "--json").json
        self.assertEqual((dry["added"], dry["removed"]), (0, 1))
        groups = {group["group"]: group for group in dry["log"]["groups"]}
        self.assertEqual([(row["name"], row["decisions"]) for row in groups["default"]["samples"]],
                         [("x.n7.bulk.test", 3)])
        self.assertEqual(output.read_text(), "-n7.bulk.test and below\n")
        self.shows(("x.n7.bulk.test", "A", NULL))
        text = self.weir.done("list", "update", "one", "--dry-run").out
        self.assertRegex(text, "no longer blocked for group default: 1 name, [34] questions")

    def until_logged(self, name: str, rows: int) -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if len(self.weir.done("log", "search", "--name", name, "--json").json["rows"]) >= rows:
                return
            time.sleep(0.05)
        self.fail(f"{name} is not in the log")
