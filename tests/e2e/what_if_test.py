"""What another policy would do with the queries that pass: counted beside the one in force, which alone answers."""

from tests.e2e.case import BULK, NULL, Case
from tests.support import dns
from tests.support.small_internet import CLIENT, KID


class WhatIfTest(Case):
    LISTS = {"ads.adblock": "||ads.example^\n||tracker.example^\n", "strict.adblock": "||edge7.cdn.test^\n||h1.bulk.test^\n"
             "||tracker.example^\n", "good.domains": "h2.bulk.test\n"}
    BODY = """
[[list]]
name = "ads"
source = "{lists}/ads.adblock"

[[list]]
name = "strict"
source = "{lists}/strict.adblock"

[[list]]
name = "good"
source = "{lists}/good.domains"
kind = "allow"

[[policy]]
name = "default"
lists = ["ads"]

[[policy]]
name = "kids"
lists = ["ads"]
privacy = "none"

[[policy]]
name = "strict"
lists = ["strict"]

[[policy]]
name = "only-good"
lists = ["good"]
default = "deny"

[[group]]
name = "kids"
clients = ["10.53.7.0/24"]
policy = "kids"
"""

    def tearDown(self) -> None:
        self.weir.command("what-if", "stop")

    def report(self) -> dict:
        return self.weir.done("what-if", "show", "--json").json

    def test_differences_by_list_and_name_while_it_runs_and_after(self) -> None:
        begun = self.weir.done("what-if", "start", "strict", "--group", "default", "--for", "10m",
                               "--reason", "before the switch").out
        self.assertIn("each query of group default is also judged by policy strict", begun)
        for _ in range(2):  # resolved, then from the cache
            self.shows(("h1.bulk.test", "A", BULK), ("images.shop.example", "A", ["198.51.100.7"]),
                       ("h2.bulk.test", "A", BULK), ("ads.example", "A", NULL), ("x.tracker.example", "A", NULL),
                       source=CLIENT)
            self.shows(("h1.bulk.test", "A", BULK), source=KID)  # of another group
        report = self.report()
        self.assertEqual(report["state"], "running")
        self.assertEqual((report["queries"], report["blocked_now"], report["would_be_blocked"]), (10, 4, 6), report)
        blocked, allowed = report["newly_blocked"], report["newly_allowed"]
        self.assertEqual((blocked["queries"], blocked["names"], blocked["all_names"]), (4, 2, True))
        self.assertEqual([(row["name"], row["list"], row["queries"]) for row in blocked["samples"]],
                         [("images.shop.example", "strict", 2), ("h1.bulk.test", "strict", 2)])
        self.assertEqual((allowed["queries"], allowed["by_name_alone"]), (2, 2))
        self.assertEqual([(row["name"], row["list"]) for row in allowed["samples"]], [("ads.example", "ads")])
        rows = {row.pop("list"): row for row in report["lists"]}
        self.assertEqual(rows, {"strict": {"blocks_now": 0, "would_block": 6, "newly_blocked": 4, "newly_allowed": 0},
                                "ads": {"blocks_now": 4, "would_block": 0, "newly_blocked": 0, "newly_allowed": 2}})

        busy = self.weir.command("what-if", "start", "only-good")
        self.assertEqual((busy.status, "runs until" in busy.err), (3, True), str(busy))
        ended = self.weir.done("what-if", "stop", "--reason", "seen enough").out
        self.assertIn("newly blocked: 4 questions, 2 names", ended)
        self.assertRegex(ended, r"blocked +images\.shop\.example +strict +2")
        self.shows(("h1.bulk.test", "A", BULK))
        after = self.report()
        self.assertEqual((after["state"], after["end_reason"], after["queries"]), ("ended", "stopped", 10))
        self.assertEqual(after["newly_blocked"], blocked)

        records = self.weir.done("audit", "show", "--json").json["records"][-2:]
        self.assertEqual([(row["what"], row["subject"], row["why"]) for row in records],
                         [("what-if start", "strict", "before the switch"), ("what-if stop", "strict", "seen enough")])
        self.assertIn("whole", self.weir.done("audit", "verify").out)

    def test_default_deny_counts_cached_answers_that_no_rule_matches(self) -> None:
        self.shows(("h7.bulk.test", "A", BULK))  # cached before
        self.weir.done("what-if", "start", "only-good")
        for _ in range(3):
            self.shows(("h7.bulk.test", "A", BULK), ("h2.bulk.test", "A", BULK))
        report = self.report()
        self.assertEqual((report["queries"], report["newly_blocked"]["queries"]), (6, 3), report)
        self.assertEqual(report["newly_blocked"]["samples"],
                         [{"name": "h7.bulk.test", "list": "default deny", "queries": 3}])

    def test_a_group_without_privacy_for_names_is_counted_only(self) -> None:
        self.weir.done("what-if", "start", "strict", "--group", "kids")
        self.shows(("h1.bulk.test", "A", BULK), ("ads.example", "A", NULL), source=KID)
        report = self.report()
        self.assertEqual((report["newly_blocked"]["names"], report["newly_blocked"]["samples"]), (1, []))
        self.assertEqual([row["name"] for row in report["newly_allowed"]["samples"]], ["ads.example"])

    def test_ends_by_itself(self) -> None:
        self.weir.done("what-if", "start", "strict", "--for", "1s")
        ended = dns.wait_until(lambda: self.report() if self.report()["state"] == "ended" else None, 10,
                               "the what-if has ended")
        self.assertEqual(ended["end_reason"], "its time was over")

    def test_ends_with_its_policy(self) -> None:
        before = self.weir.config.read_text()
        self.weir.done("what-if", "start", "only-good")
        try:
            self.weir.config.write_text(before.replace('name = "only-good"', 'name = "renamed"'))
            self.weir.done("reload")
            ended = dns.wait_until(lambda: self.report() if self.report()["state"] == "ended" else None, 10,
                                   "the what-if has ended")
            self.assertIn("has no such policy", ended["end_reason"])
        finally:
            self.weir.config.write_text(before)
            self.weir.done("reload")

    def test_what_a_reload_would_bring(self) -> None:
        before = self.weir.config.read_text()
        same = self.weir.command("what-if", "start", "--files")
        self.assertEqual((same.status, "in force already" in same.err), (3, True), str(same))
        try:
            changed = before.replace('lists = ["ads"]\n\n[[policy]]\nname = "kids"', 'lists = ["strict", "new"]\n\n[[policy]]\n'
                                     'name = "kids"').replace('[[policy]]\nname = "default"', '[[list]]\nname = "new"\n'
                                     f'source = "{self.lists}/new.domains"\n\n[[policy]]\nname = "default"')
            self.assertIn('["strict", "new"]', changed)
            self.weir.config.write_text(changed)
            generation = self.weir.done("generation", "fingerprint").out
            begun = self.weir.done("what-if", "start", "--files").out
            self.assertIn("judged by what the files say", begun)
            self.assertIn("list new was never loaded", begun)
            self.assertEqual(self.weir.done("generation", "fingerprint").out, generation)
            self.shows(("h1.bulk.test", "A", BULK), ("ads.example", "A", NULL), source=CLIENT)
            self.shows(("h1.bulk.test", "A", BULK), ("ads.example", "A", NULL), source=KID)
            report = self.report()
            self.assertEqual((report["queries"], report["blocked_now"], report["would_be_blocked"]), (4, 2, 2), report)
            self.assertEqual([row["name"] for row in report["newly_blocked"]["samples"]], ["h1.bulk.test"])
            self.assertEqual([row["name"] for row in report["newly_allowed"]["samples"]], ["ads.example"])
            self.assertIn("what if the files were in force for every group", self.weir.done("what-if", "show").out)
        finally:
            self.weir.config.write_text(before)

    def test_what_cannot_begin(self) -> None:
        for arguments, status, text in (
                (("start", "nonsense"), 3, 'no policy "nonsense"'),
                (("start", "strict", "--group", "nobody"), 3, 'no group "nobody"'),
                (("start", "kids", "--group", "kids"), 3, "in force there already"),
                (("start", "strict", "--for", "8d"), 3, "7 days"),
                (("start", "strict", "--for", "soon"), 2, "--for"),
                (("stop",), 3, "no what-if runs")):
            ran = self.weir.command("what-if", *arguments)
            self.assertEqual((ran.status, text in ran.err), (status, True), str(ran))


class WhatIfForgottenTest(Case):
    BODY = '[[policy]]\nname = "default"\n\n[[policy]]\nname = "other"\n'

    def test_a_restart_of_the_resolver_forgets_it_and_show_says_so(self) -> None:
        self.weir.done("what-if", "start", "other")
        self.weir.resolver.stop()
        away = self.weir.command("what-if", "show")
        self.assertEqual((away.status, "the resolver is not running" in away.err), (4, True), str(away))
        self.weir.resolver.start()
        shown = self.weir.done("what-if", "show")
        self.assertIn("no what-if was begun since the resolver started at", shown.out)
        self.assertEqual(self.weir.done("what-if", "show", "--json").json["state"], "none")
