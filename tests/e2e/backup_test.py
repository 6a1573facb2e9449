"""A backup moved to another folder, as to a new machine, and opened there; and what is none, which changes nothing."""

import shutil
import time
from pathlib import Path

from tests.e2e.case import BULK, NULL, Case
from tests.support import dns
from tests.support.daemons import Weir
from tests.support.small_internet import RESOLVER

PORT = 5399  # of the new machine's resolver, which is not started


class BackupTest(Case):
    LISTS = {"ads.domains": "# License: MIT\nh1.bulk.test\nh2.bulk.test\n"}
    BODY = """
[log]
privacy = "full"

[[list]]
name = "ads"
source = "{lists}/ads.domains"

[[policy]]
name = "default"
lists = ["ads"]
"""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.weir.done("rule", "add", "h3.bulk.test", "--reason", "asked for by bob")
        cls.first = cls.weir.done("generation", "show", "--json").json["current"]
        moment = int(time.time()) + 1  # moments are told in whole seconds: the next change is in another one
        cls.then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
        dns.wait_until(lambda: time.time() > moment, 10, "that moment is over")
        cls.write_list("ads.domains", "# License: MIT\nh1.bulk.test\nh4.bulk.test\n")
        cls.weir.updated("ads")
        cls.weir.until("h4.bulk.test", NULL)
        dns.wait_until(lambda: cls.weir.done("log", "search", "--name", "h4.bulk.test", "--json").json["rows"], 20,
                       "the log has the decision")
        cls.weir.done("token", "add", "alice", "--role", "admin")
        cls.file = cls.folder / "weir.tar.zst"
        cls.made = cls.weir.done("backup", str(cls.file), "--with-log", "--reason", "before the move", "--json").json

    def machine(self, name: str) -> Weir:
        folder = self.folder / name
        weir = Weir(folder, listen=[f"{RESOLVER}:{PORT}"], hints=self.hints(), body=self.weir.body)
        self.addCleanup(weir.stop)
        return weir

    @staticmethod
    def explained(weir: Weir, name: str, *options: str) -> dict:
        ran = weir.command("explain", name, *options, "--json")
        [found] = ran.json["results"]
        return found

    def knows(self, weir: Weir) -> dict:
        """What must be the same at the new place."""
        return {"fingerprint": weir.done("generation", "fingerprint").out,
                "then": [self.explained(weir, name, "--at", self.then) for name in ("h2.bulk.test", "h4.bulk.test")],
                "now": [self.explained(weir, name) for name in ("h1.bulk.test", "h2.bulk.test")],
                "imports": weir.done("list", "history", "ads", "--json").json["imports"],
                "rules": weir.done("rule", "show", "--json").json["rules"],
                "rows": weir.done("log", "search", "--name", "h4.bulk.test", "--json").json["rows"]}

    def test_a_new_machine_goes_on_where_the_old_one_stood(self):
        here = self.knows(self.weir)
        self.assertEqual(len({each["outcome"] for each in here["then"]}), 2, here["then"])
        self.assertTrue(here["rows"])
        new = self.machine("new")
        restored = new.done("restore", str(self.file), "--keep-config", "--reason", "the old one is gone", "--json").json
        self.assertEqual((restored["generation"], restored["fingerprint"]),
                         (self.made["generation"], self.made["fingerprint"]))
        new.sidecar.start()
        self.assertEqual(self.knows(new), here)
        new.done("audit", "verify")
        records = new.done("audit", "show", "--json").json["records"]
        self.assertEqual([(each["what"], each["why"]) for each in records if each["what"] in ("backup", "restore")],
                         [("backup", "before the move"), ("restore", "the old one is gone")])
        self.assertIn("asked for by bob", [each["why"] for each in records])
        self.assertEqual(new.done("token", "show", "--json").json["tokens"], [], "who lost a token must not get it back")
        self.assertEqual(new.done("list", "show", "ads", "--json").json["lists"][0]["licence"], "MIT")

        beside = new.command("restore", str(self.file), "--keep-config", "--replace")
        self.assertNotEqual(beside.status, 0, beside)
        self.assertIn("weir-sidecar runs", beside.err)
        new.done("generation", "rollback", str(self.first))
        outcomes = [self.explained(new, name)["outcome"] for name in ("h2.bulk.test", "h4.bulk.test")]
        self.assertEqual(outcomes, [each["outcome"] for each in here["then"]])
        new.updated("ads")
        new.sidecar.stop()

        full = new.command("restore", str(self.file), "--keep-config")
        self.assertEqual(full.status, 3, full)
        self.assertIn("the store is not empty", full.err)
        replaced = new.done("restore", str(self.file), "--keep-config", "--replace", "--json").json
        self.assertTrue((Path(replaced["put_aside"][0]) / "policy" / "current").exists())
        new.sidecar.start()
        self.assertEqual(self.knows(new), here)

    def test_definitions_come_back_with_it(self):
        gone = self.machine("gone")
        gone.sidecar.start()
        gone.updated("ads")
        gone.done("list", "add", "more", str(self.write_list("more.domains", "h5.bulk.test\n")))
        fingerprint = gone.done("generation", "fingerprint").out
        text = gone.config.read_text()
        drop_in = gone.folder / "weir.d" / "list-more.toml"
        gone.done("backup", str(self.folder / "gone.tar.zst"))
        gone.sidecar.stop()
        shutil.rmtree(gone.store)
        shutil.rmtree(gone.folder / "weir.d")
        gone.config.write_text(text + "\n# another one\n")
        refused = gone.command("restore", str(self.folder / "gone.tar.zst"))
        self.assertEqual(refused.status, 3, refused)
        self.assertIn("others than in the backup", refused.err)
        self.assertFalse(gone.store.exists(), "nothing was changed")
        gone.config.unlink()
        gone.done("restore", str(self.folder / "gone.tar.zst"))
        self.assertEqual(gone.config.read_text(), text)
        self.assertIn("more.domains", drop_in.read_text())
        gone.sidecar.start()
        self.assertEqual(gone.done("generation", "fingerprint").out, fingerprint)

    def test_what_is_no_whole_backup_changes_nothing(self):
        whole = self.file.read_bytes()
        bad = self.folder / "bad.tar.zst"
        empty = self.machine("empty")
        cases = [whole[:len(whole) * i // 5] for i in range(5)] + [b"text\n" * 100]
        damaged = len(cases)
        fingerprint = self.weir.done("generation", "fingerprint").out.split()[0]
        cases += [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:] for at in range(50, len(whole), len(whole) // 5)]
        for number, octets in enumerate(cases):
            with self.subTest(case=number):
                bad.write_bytes(octets)
                refused = empty.command("restore", str(bad), "--keep-config")
                if number >= damaged and refused.status == 0:  # the bit stood where the archive is padded
                    self.assertIn(f"fingerprint {fingerprint}", refused.out)
                    shutil.rmtree(empty.store)
                    empty.store.mkdir()
                    continue
                self.assertEqual(refused.status, 3, refused)
                self.assertRegex(refused.err, "(no backup of weir|the backup is damaged).*nothing was changed")
                self.assertEqual(list(empty.store.iterdir()), [])
        there = self.weir.command("backup", str(self.file))
        self.assertEqual(there.status, 3, there)
        self.assertEqual(self.file.read_bytes(), whole)
        self.assertEqual(list((self.weir.store / "backup").iterdir()), [], "no copy is left")

    def test_the_old_machine_goes_on(self):
        self.shows(("h4.bulk.test", "A", NULL), ("h2.bulk.test", "A", BULK))
        self.weir.done("audit", "verify")
