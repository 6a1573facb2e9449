"""A list is watched before it is enforced; two of its versions are compared; the files are checked before a reload."""

import time

from tests.e2e.case import BULK, NULL, Case
from tests.support.small_internet import KID

ZONE = """\
$ORIGIN policy.zone.
@ 60 SOA ns host 1 2 3 4 5
32.1.2.0.192.rpz-ip 60 CNAME .
ns.bad.test.rpz-nsdname 60 CNAME .
"""
COMMON = "h30.bulk.test\nh31.bulk.test\n"


class ObserveTest(Case):
    LISTS = {"enforced.domains": COMMON, "watched.domains": COMMON + "h32.bulk.test\nh33.bulk.test\nnever.bulk.test\nlocal.bulk.test\n",
             "good.domains": "h33.bulk.test\nidle.bulk.test\n",
             "wide.adblock": "||own.test^\n/(^|\\.)ads\\.example$/\n/(^|\\.)ads[0-9]\\.example$/\n||pool.ntp.org^\n",
             "policy.zone": ZONE,
             "daily.domains": "".join(f"h{number}.bulk.test\n" for number in range(60, 72))}
    BODY = """
[log]
all = true

[local]
records = ["local.bulk.test 60 A 192.0.2.77"]

[[list]]
name = "enforced"
source = "{lists}/enforced.domains"

[[list]]
name = "watched"
source = "{lists}/watched.domains"
mode = "observe"  # until we know it

[[list]]
name = "good"
source = "{lists}/good.domains"
kind = "allow"

[[list]]
name = "wide"
source = "{lists}/wide.adblock"
protected_names = "warn"  # so that the linter sees one of them

[[list]]
name = "daily"
source = "{lists}/daily.domains"

[[list]]
name = "zone"
source = "{lists}/policy.zone"
kind = "rpz"

[[policy]]
name = "default"
lists = ["enforced", "watched", "good", "daily"]

[[policy]]
name = "linted"
lists = ["wide", "zone"]

[[group]]
name = "others"
clients = ["KID"]
policy = "linted"
""".replace("KID", KID)

    def test_report_then_promote(self):
        time.sleep(1)  # behind what was asked while it started
        since = ("--since", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        for _ in range(2):
            self.shows(("h30.bulk.test", "A", NULL), ("h32.bulk.test", "A", BULK), ("h33.bulk.test", "A", BULK))
        # No list is asked of what is answered here.
        self.shows(("local.bulk.test", "A", ["192.0.2.77"]))
        # A group without the list asks for its names, too: that says nothing of the list.
        self.assertEqual(self.weir.ask("h32.bulk.test", source=KID).data("A"), BULK)
        deadline = time.monotonic() + 10
        report = {}
        while time.monotonic() < deadline and (report.get("hits", {}).get("decisions", 0) < 4 or not self.weir.done(
                "log", "search", "--name", "local.bulk.test", "--json").json["rows"]):
            report = self.weir.done("list", "report", "watched", *since, "--json").json
            time.sleep(0.05)
        self.assertEqual(report["mode"], "observe")
        self.assertEqual((report["unique"]["decisions"], report["unique"]["names"]), (2, 1), report)
        self.assertEqual([row["name"] for row in report["unique"]["samples"]], ["h32.bulk.test"])
        self.assertEqual(report["unique"]["clients"], 1)
        self.assertEqual((report["shared"]["decisions"], report["shared"]["lists"]),
                         (2, [{"list": "enforced", "decisions": 2}]), report)
        self.assertEqual((report["rules"], report["rules_hit"], report["undone"]["decisions"]), (6, 3, 2))
        self.assertIn("it alone would have blocked: 2 questions, 1 name, 1 client",
                      self.weir.done("list", "report", "watched", *since).out)

        self.weir.done("list", "promote", "watched", "--reason", "it was right for a week")
        self.shows(("h32.bulk.test", "A", NULL), ("h33.bulk.test", "A", BULK))
        self.assertIn('mode = "enforce"  # until we know it', self.weir.config.read_text())
        record = self.weir.done("audit", "show", "--json").json["records"][-1]
        self.assertEqual((record["what"], record["why"]), ("reload", "list promote watched: it was right for a week"))
        again = self.weir.command("list", "promote", "watched")
        self.assertEqual(again.status, 3, str(again))
        self.assertIn("enforced already", again.err)

    def test_two_imports_apart(self):
        self.write_list("enforced.domains", COMMON + "h40.bulk.test\n")
        self.weir.done("list", "update", "enforced")
        self.write_list("enforced.domains", "h31.bulk.test\nh40.bulk.test\nh41.bulk.test\n")
        self.weir.done("list", "update", "enforced")
        imports = sorted(row["import"] for row in self.weir.done("list", "history", "enforced", "--json").json["imports"])
        first, last = str(imports[0]), str(imports[-1])
        output = self.folder / "apart"
        apart = self.weir.command("list", "diff", "enforced", first, last, "--output", str(output))
        self.assertEqual(apart.status, 1, str(apart))
        self.assertIn("2 added, 1 removed", apart.out)
        self.assertEqual(sorted(output.read_text().split()), ["+h40.bulk.test", "+h41.bulk.test", "-h30.bulk.test"])
        self.assertEqual(self.weir.command("list", "diff", "enforced", last, last).status, 0)
        self.weir.done("list", "rollback", "enforced", first, "--reason", "too much")
        self.assertEqual(self.weir.done("audit", "show", "--json").json["records"][-1]["why"], "too much")
        rows = self.weir.done("list", "history", "enforced", "--json").json["imports"]
        self.assertEqual(self.weir.command("list", "diff", "enforced", first, str(rows[0]["import"])).status, 0)
        self.assertGreaterEqual(rows[0]["time"], rows[1]["time"])  # it happened then, whatever it brought back
        self.assertEqual(self.weir.command("list", "diff", "enforced", first, "9999").status, 3)
        self.shows(("h30.bulk.test", "A", NULL), ("h41.bulk.test", "A", BULK))

    # SEMANTICS 3: regexes equal to a subtree
    # SEMANTICS 3: list entries on protected names
    # SEMANTICS 3: and the linter shows the cost.
    # SEMANTICS 2 RPZ: cost shown by the linter.
    def test_what_lists_cost_and_should_not_block(self) -> None:
        lint = self.weir.done("check", "--policy", "--json").json["lint"]
        found = {(finding["kind"], finding["list"]): finding for finding in lint["findings"]}
        self.assertEqual(found["regex_is_name", "wide"]["samples"], [r"/(^|\.)ads\.example$/ (line 2)"])
        self.assertIn("name servers are looked up", found["resolves_first", "zone"]["text"])
        self.assertIn("pool.ntp.org", " ".join(found["always_beaten", "wide"]["samples"]))
        self.assertNotIn("protected", [name for _, name in found])

    # SEMANTICS 3: an allow list marked as a block list (most of its entries are in our top names).
    def test_a_list_of_what_everybody_needs_is_no_block_list(self) -> None:
        for number in range(60, 68):
            self.shows((f"h{number}.bulk.test", "A", NULL))
        deadline = time.monotonic() + 10
        found: list[dict] = []
        while time.monotonic() < deadline and not found:
            lint = self.weir.done("check", "--policy", "--json").json["lint"]
            found = [finding for finding in lint["findings"] if finding["kind"] == "allow_list_as_block"]
            time.sleep(0.05)
        self.assertEqual([finding["list"] for finding in found], ["daily"])
        self.assertGreater(found[0]["count"], 6)

    # SEMANTICS 3: A linter at import and in `weir check`
    # SEMANTICS 3: block rules that an earlier rank always beats
    def test_policy_before_a_reload(self):
        same = self.weir.done("check", "--policy", "--json").json
        self.assertFalse(same["changes"])
        idle = [finding for finding in same["lint"]["findings"] if finding["kind"] == "allow_without_effect"]
        self.assertEqual([(finding["list"], finding["samples"]) for finding in idle],
                         [("good", ["idle.bulk.test (line 2)"])])
        beaten = [finding for finding in same["lint"]["findings"] if finding["kind"] == "always_beaten"]
        self.assertEqual([(finding["list"], finding["count"]) for finding in beaten], [("watched", 1), ("wide", 1)])
        for _ in range(130):
            self.weir.ask("h33.bulk.test")
        text = self.weir.config.read_text()
        try:
            self.weir.config.write_text(text.replace('lists = ["enforced", "watched", "good", "daily"]',
                                                     'lists = ["enforced"]\ndefault = "deny"'))
            changed = self.weir.done("check", "--policy", "--json").json
            self.assertTrue(changed["changes"])
            self.assertEqual(changed["policies"]["changed"], ["default"])
            self.assertIn("h33.bulk.test", [row["name"] for row in changed["cache"]["blocked"]["samples"]])
            self.assertIn("policies changed: default", self.weir.done("check", "--policy").out)
            self.shows(("h33.bulk.test", "A", BULK))
        finally:
            self.weir.config.write_text(text)
        self.assertFalse(self.weir.done("check", "--policy", "--json").json["changes"])
