"""Exceptions for a while: allowed names and pauses, whom they concern, what they do not lift, and their end."""

import json
import time

from tests.e2e.case import BULK, NULL, Case
from tests.support.small_internet import CLIENT, KID


class OverlaysTest(Case):
    LISTS = {"ads.hosts": "0.0.0.0 ads.example\n0.0.0.0 r1.bulk.test\n0.0.0.0 r2.bulk.test\n0.0.0.0 r3.bulk.test\n",
             "court.hosts": "0.0.0.0 r9.bulk.test\n"}
    BODY = """
[[list]]
name = "ads"
source = "{lists}/ads.hosts"

[[list]]
name = "court"
source = "{lists}/court.hosts"
basis = "legal"

[[policy]]
name = "default"
lists = ["ads", "court"]
ttl = 3600

[[group]]
name = "kids"
clients = ["%s"]
policy = "default"
""" % KID

    def explained(self, name: str, *more: str) -> dict:
        return json.loads(self.weir.command("explain", name, "--json", *more).out)["results"][0]

    def end_all(self) -> None:
        for overlay in self.weir.done("overlay", "show", "--json").json["overlays"]:
            self.weir.done("overlay", "end", overlay["id"])

    def test_a_name_is_let_through_for_a_while(self):
        self.shows(("r1.bulk.test", "A", NULL))
        begun = self.weir.done("allow", "r1.bulk.test", "--for", "3s", "--reason", "an order", "--json").json["overlay"]
        began = time.monotonic()
        answer = self.weir.ask("r1.bulk.test")
        self.assertEqual(answer.data("A"), BULK)
        self.assertLessEqual(max(record.ttl for record in answer.answer), 3)  # it lives no longer than the exception
        explained = self.explained("r1.bulk.test")
        self.assertEqual((explained["outcome"], explained["winner"]["list"], explained["winner"]["reason"]),
                         ("allowed", "overlays", "an order"))
        self.assertEqual(explained["losers"][0]["list"], "ads")
        self.assertEqual(begun["author"], explained["winner"]["author"])
        self.weir.until("r1.bulk.test", NULL, seconds=6)
        self.assertGreater(time.monotonic() - began, 1.5)
        audit = self.weir.done("audit", "show", "--json").out
        self.assertIn("an order", audit)

    def test_a_pause_concerns_whom_it_names(self):
        self.addCleanup(self.end_all)
        self.weir.done("pause", "--for", "1h", "--reason", "a lesson", "--group", "kids")
        self.shows(("r2.bulk.test", "A", NULL))
        self.shows(("r2.bulk.test", "A", BULK), source=KID)
        self.shows(("r9.bulk.test", "A", NULL), source=KID)  # by law
        explained = self.explained("r2.bulk.test", "--client", KID)
        self.assertEqual((explained["outcome"], explained["pause"]["reason"]), ("allowed", "a lesson"))
        said = self.weir.command("explain", "r2.bulk.test", "--client", KID).out
        self.assertIn("filtering is paused until", said)
        self.assertRegex(self.weir.done("status").out, r"PAUSED until .*: filtering for group kids, by .* \(a lesson\)")
        self.assertEqual(self.explained("r2.bulk.test", "--client", CLIENT)["outcome"], "blocked")
        self.end_all()
        self.shows(("r2.bulk.test", "A", NULL), source=KID)

    def test_an_exception_outlives_both_daemons_and_no_more(self):
        self.addCleanup(self.end_all)
        self.weir.done("allow", "r3.bulk.test", "--for", "1h", "--reason", "a restart")
        self.weir.stop()
        self.weir.start()
        self.weir.until("r3.bulk.test", BULK)
        self.assertEqual(self.weir.done("overlay", "show", "--json").json["overlays"][0]["reason"], "a restart")
        self.end_all()
        self.weir.until("r3.bulk.test", NULL)

    def test_a_rollback_leaves_exceptions_alone_and_says_so(self):
        self.addCleanup(self.end_all)
        before = self.weir.done("generation", "show", "--json").json["current"]
        ended = self.weir.done("pause", "--for", "1h", "--reason", "a lesson", "--group", "kids", "--json").json["overlay"]["id"]
        self.shows(("r2.bulk.test", "A", BULK), source=KID)
        paused = self.weir.done("generation", "show", "--json").json["current"]
        self.weir.done("overlay", "end", ended)
        runs = self.weir.done("allow", "r3.bulk.test", "--for", "1h", "--reason", "an order", "--json").json["overlay"]["id"]
        said = self.weir.done("generation", "rollback", str(paused)).out
        self.assertRegex(said, f"stays ended: {ended}, the pause of filtering for group kids, until 20.*a lesson")
        self.assertRegex(said, f"goes on.*: {runs}, the allowing of r3.bulk.test and below for everybody, until 20.*an order")
        self.shows(("r2.bulk.test", "A", NULL), source=KID)
        self.shows(("r3.bulk.test", "A", BULK))
        self.assertIn(ended, self.weir.done("audit", "show").out.splitlines()[-1])
        self.weir.done("generation", "rollback", str(before))
        self.shows(("r3.bulk.test", "A", BULK))
        self.assertEqual(self.weir.done("status", "--json").json["pinned"], "")

    def test_is_refused_without_a_reason_or_an_end(self):
        for words, says in ((("allow", "x.test", "--for", "1h"), "--reason"),
                            (("allow", "x.test", "--for", "1h", "--reason", " "), "needs a reason"),
                            (("allow", "x.test:443", "--for", "1h", "--reason", "x"), "no host name has"),
                            (("allow", "x test", "--for", "1h", "--reason", "x"), "no host name has"),
                            (("pause", "--for", "400d", "--reason", "x"), "366 days"),
                            (("pause", "--for", "1h", "--reason", "x", "--group", "nosuch"), "no group"),
                            (("overlay", "end", "a999"), "no exception")):
            ran = self.weir.command(*words)
            self.assertNotEqual(ran.status, 0, words)
            self.assertIn(says, ran.err)


class ScheduleTest(Case):
    """Hours that begin or end while the test looks on: a list for some clients, a block that lives no longer."""

    LISTS = {"ads.hosts": "0.0.0.0 r1.bulk.test\n"}
    BODY = """
[[list]]
name = "ads"
source = "{lists}/ads.hosts"

[[policy]]
name = "default"
lists = ["ads"]
ttl = 3600

[[group]]
name = "kids"
clients = ["%s"]
policy = "default"

[[schedule]]
name = "never"
groups = ["kids"]
lists = ["ads"]
lists_hold = "outside"
""" % KID

    def test_a_list_holds_at_its_hours_only(self):
        self.shows(("r1.bulk.test", "A", NULL))
        self.shows(("r1.bulk.test", "A", BULK), source=KID)
        now = time.gmtime(time.time() + 90)
        if now.tm_hour == 23 and now.tm_min > 55:
            self.skipTest("midnight is near")
        end = time.strftime("%H:%M", time.gmtime(time.time() + 120))
        self.weir.write_config(self.weir.body.replace('lists_hold = "outside"', f'from = "00:00"\nto = "{end}"'))
        self.weir.done("reload")
        answer = self.weir.ask("r1.bulk.test", source=KID)
        self.assertEqual(answer.data("A"), NULL)
        self.assertLessEqual(answer.answer[0].ttl, 120)
        self.assertEqual(self.weir.ask("r1.bulk.test").answer[0].ttl, 3600)
        later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 130))
        explained = json.loads(self.weir.command("explain", "r1.bulk.test", "--client", KID, "--at", later, "--json").out)
        self.assertEqual(explained["results"][0]["outcome"], "none")
