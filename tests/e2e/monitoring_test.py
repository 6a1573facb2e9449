"""What watches weir: the age of lists as an alert, and figures that alert rules and dashboard name and the daemons have."""

import json
import re

import yaml

from tests.e2e.case import Case
from tests.support import dns
from tests.support.daemons import ROOT
from tests.support.http_api import Client

PORT = 8053
PATIENCE_SECONDS = 30
LICENSED = "# Title: ads\n# License: https://licence.example/by\n0.0.0.0 ads.example\n"
NOT_OURS = {"up"}  # Prometheus makes them


def names_in(expression: str) -> set[str]:
    """Of the figures that an expression of PromQL names."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", bare)
    bare = re.sub(r"\b(by|on|ignoring|without|group_left|group_right)\s*\([^)]*\)", "", bare)
    bare = re.sub(r"\b[a-z_]+\s*\(", "(", bare)
    return set(re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*", bare)) - {"and", "or", "unless", "bool"}


class MonitoringTest(Case):
    LISTS = {"ads.hosts": LICENSED}
    BODY = f"""
[api]
listen = ["127.0.0.1:{PORT}"]

[[list]]
name = "ads"
source = "{{lists}}/ads.hosts"

[[list]]
name = "gone"
source = "{{lists}}/gone.hosts"
every = "1s"

[[policy]]
name = "default"
lists = ["ads", "gone"]
"""

    @classmethod
    def await_lists(cls) -> None:
        cls.weir.updated("ads")

    def shown(self, name: str) -> dict:
        [found] = self.weir.done("list", "show", name, "--json").json["lists"]
        return found

    def figures(self) -> str:
        token = self.weir.done("token", "add", "prometheus", "--role", "analyst", "--for", "1h").out.strip()
        try:
            answer = Client("127.0.0.1", PORT, token).get("/metrics")
        finally:
            self.weir.done("token", "remove", "prometheus")
        self.assertEqual(answer.status, 200, answer)
        return answer.body.decode()

    def test_licence_and_age_of_a_list(self):
        ads = self.shown("ads")
        self.assertEqual((ads["licence"], ads["stale"], ads["every"]), ("https://licence.example/by", False, "86400s"))
        self.assertLess(ads["age_seconds"], 600)
        text = self.weir.done("list", "show", "ads").out
        self.assertRegex(text, r"(?m)^licence: https://licence\.example/by$")
        self.assertRegex(text, r"(?m)^age: \d+[sm]$")
        self.assertRegex(self.weir.done("list", "show").out, r"(?m)^ads .*https://licence\.example/by")

    def test_a_list_that_does_not_load_is_an_alert_until_it_does(self):
        def stale(name: str = "gone", is_stale: bool = True):
            return self.shown(name)["stale"] == is_stale
        dns.wait_until(stale, PATIENCE_SECONDS, "the list is stale")
        [listed] = [each for each in self.weir.done("status", "--json").json["lists"] if each["name"] == "gone"]
        self.assertEqual((listed["stale"], listed["age_seconds"]), (True, None))
        status = self.weir.done("status").out
        self.assertRegex(status, r"(?m)^gone: STALE: it never loaded, though it is asked for each 1s: .*gone\.hosts")
        self.assertRegex(status, r"(?m)^gone .*, stale")
        figures = self.figures()
        self.assertIn('weir_list_stale{list="gone"} 1\n', figures)
        self.assertIn('weir_list_stale{list="ads"} 0\n', figures)
        self.assertNotIn('weir_list_age_seconds{list="gone"}', figures)
        self.assertRegex(figures, r'weir_list_age_seconds\{list="ads"\} \d+\n')

        self.write_list("gone.hosts", "0.0.0.0 gone.example\n")
        dns.wait_until(lambda: stale(is_stale=False), PATIENCE_SECONDS, "it has loaded")
        self.assertIn('weir_list_stale{list="gone"} 0\n', self.figures())

    def test_alerts_and_dashboard_name_what_is_there(self):
        figures = self.figures()
        there = set(re.findall(r"(?m)^# TYPE (\S+) ", figures)) | NOT_OURS
        self.assertEqual([name for name in re.findall(r"(?m)^([a-z_]+)[ {]", figures) if name not in there], [],
                         "each has its type")

        rules = [rule for group in yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
                 for rule in group["rules"]]
        dashboard = json.loads((ROOT / "deploy/grafana/weir.json").read_text())
        for rule in rules:
            with self.subTest(alert=rule["alert"]):
                self.assertRegex(rule["labels"]["severity"], "^(critical|warning|info)$")
                self.assertTrue(rule["annotations"]["summary"])
        self.assertEqual(len({rule["alert"] for rule in rules}), len(rules))
        expressions = [rule["expr"] for rule in rules]
        for panel in dashboard["panels"]:
            expressions += [target["expr"] for target in panel["targets"]]
        self.assertGreater(len(expressions), 40)
        for expression in expressions:
            with self.subTest(expression=expression):
                self.assertEqual(expression.count("("), expression.count(")"))
                names = names_in(expression)
                self.assertTrue(names)
                self.assertEqual(names - there, set())
                for label in re.findall(r'\b([a-z]+="[^"]*")', expression):
                    self.assertTrue(label == 'job="weir"' or label in figures, label)
        self.assertEqual(names_in('rate(weir_no_such_total{a="b"}[5m]) / ignoring(rcode) group_left() up > 0.1'),
                         {"weir_no_such_total", "up"})
