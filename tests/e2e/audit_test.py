"""Who changed what, when and why; and that nobody changes that record unseen."""

import subprocess

from tests.e2e.case import NULL, Case


class AuditTest(Case):
    LISTS = {"one.domains": "h1.bulk.test\n"}
    BODY = """
[[list]]
name = "one"
source = "{lists}/one.domains"

[[policy]]
name = "default"
lists = ["one"]
"""

    def records(self) -> list[dict]:
        return self.weir.done("audit", "show", "--json").json["records"]

    def test_changes_are_recorded_and_survive_kill(self):
        self.weir.done("rule", "add", "h2.bulk.test", "--reason", "asked for by bob")
        self.shows(("h2.bulk.test", "A", NULL))
        before = self.records()
        self.assertIn("rule add", [record["what"] for record in before])
        self.assertIn("asked for by bob", [record["why"] for record in before])
        self.assertIn("import", [record["what"] for record in before])
        self.weir.sidecar.kill()
        self.weir.sidecar.start()
        self.assertEqual(self.records()[:len(before)], before)
        self.weir.done("audit", "verify")

    def test_fingerprint_is_the_same_everywhere(self):
        fingerprint = self.weir.done("generation", "fingerprint").out.strip()
        self.assertRegex(fingerprint, "^[0-9a-f]{64}$")
        self.assertIn(f'weir_policy_info{{fingerprint="{fingerprint}"', self.weir.metrics())
        host, port = self.weir.server
        asked = subprocess.run(["dig", f"@{host}", "-p", str(port), "fingerprint.weir.", "CH", "TXT", "+short"],
                               capture_output=True, text=True, timeout=20)
        self.assertEqual(asked.stdout.strip(), f'"{fingerprint}"')
        self.weir.done("rule", "add", "h9.bulk.test")
        self.assertNotEqual(self.weir.done("generation", "fingerprint").out.strip(), fingerprint)
        self.weir.done("rule", "remove", "h9.bulk.test")
        self.assertEqual(self.weir.done("generation", "fingerprint").out.strip(), fingerprint)

    def test_tampering_is_found(self):
        self.weir.done("audit", "verify")
        records = self.weir.store / "audit" / "records"
        good = records.read_bytes()
        lines = good.splitlines(keepends=True)
        try:
            for what, changed in (("changed", good.replace(b"import", b"impart", 1)),
                                  ("removed", b"".join(lines[1:])),
                                  ("cut off", b"".join(lines[:-1]))):
                with self.subTest(what=what):
                    records.write_bytes(changed)
                    ran = self.weir.command("audit", "verify")
                    self.assertEqual(ran.status, 1, str(ran))
                    self.assertIn("line ", ran.out)
        finally:
            records.write_bytes(good)
        self.weir.done("audit", "verify")
