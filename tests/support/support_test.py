"""The parts that tests lean on, where a fault would make tests pass."""

import tempfile
import unittest
from pathlib import Path

from tests.support import dns, load, suites, tally


class TallyTest(unittest.TestCase):
    def test_last_summary_line_counts(self):
        self.assertEqual(str(tally.of_output("x\n1 passed, 0 failed, 0 skipped\n3 passed, 2 failed, 1 skipped\n")),
                         "3 passed, 2 failed, 1 skipped")
        self.assertIsNone(tally.of_output("3 passed"))

    def test_gtest_report(self):
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "program.json"
            report.write_text("""{"testsuites": [{"name": "S", "testsuite": [
                {"name": "good", "status": "RUN", "result": "COMPLETED"},
                {"name": "bad", "status": "RUN", "result": "COMPLETED", "failures": [{"failure": "x"}]},
                {"name": "absent", "status": "RUN", "result": "SKIPPED"}]}]}""")
            found = tally.of_gtest(report)
        self.assertEqual((str(found), found.failures), ("1 passed, 1 failed, 1 skipped", ["program: S.bad"]))


class SuitesTest(unittest.TestCase):
    def test_paths_belong_to_the_suite_before_them(self):
        with tempfile.TemporaryDirectory() as folder:
            for words, wanted in [(["unit", "e2e"], [("unit", []), ("e2e", [])]),
                                  (["scenarios"], [("scenarios", [])]),
                                  (["scenarios", folder, "unit"], [("scenarios", [folder]), ("unit", [])]),
                                  (["fuzz", "--seconds", "5", "name", "unit"],
                                   [("fuzz", ["--seconds", "5", "name"]), ("unit", [])]),
                                  (["simulation", "--seed", "7", "unit"],
                                   [("simulation", ["--seed", "7"]), ("unit", [])])]:
                with self.subTest(words=words):
                    self.assertEqual(suites.read_words(words), wanted)
            for words in [["unit", folder], [folder], ["scenarios", folder + "/none"], ["nosuch"],
                          ["fuzz", "nosuch"], ["fuzz", "--seconds", "x"], ["fuzz", "--seconds", "0"],
                          ["simulation", "--seed"], ["simulation", "--seeds", "0"], ["simulation", "7"],
                          ["versus", "--worlds", "x"], ["versus", "nosuch"]]:
                with self.subTest(words=words), self.assertRaises(ValueError):
                    suites.read_words(words)


class TimelineTest(unittest.TestCase):
    def test_before_or_after_never_neither(self):
        timeline = load.Timeline("old")
        timeline.change(100, 200, "new")
        timeline.change(300, 400, "old")
        for sent, received, allowed in [(1, 2, {"old"}), (90, 110, {"old", "new"}), (150, 160, {"old", "new"}),
                                        (210, 290, {"new"}), (310, 320, {"new", "old"}), (401, 402, {"old"})]:
            with self.subTest(sent=sent, received=received):
                self.assertEqual(timeline.allowed(sent, received), allowed)

    def test_wrong_answers_are_found(self):
        timelines = {"a": load.Timeline("192.0.2.1")}
        exchanges = [load.Exchange("a", 1, 2, "192.0.2.1"), load.Exchange("a", 3, 4, "NXDOMAIN"),
                     load.Exchange("a", 5, 0, "lost")]
        self.assertEqual(len(load.wrong_answers(exchanges, timelines)), 1)


class DnsTest(unittest.TestCase):
    def test_query_is_read_back(self):
        found = dns.parse(dns.query("Www.Example.org", "AAAA", id=7, do=True))
        self.assertEqual((found.id, found.question, found.edns), (7, ("www.example.org.", "AAAA"), True))

    def test_compression_loop_ends(self):
        with self.assertRaises(ValueError):
            dns.read_name(b"\xc0\x00", 0)


if __name__ == "__main__":
    unittest.main()
