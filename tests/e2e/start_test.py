"""Starting, stopping, and being told off: one instance, ports in use, configurations that are wrong."""

import os
import re
import signal
import socket
import subprocess

from tests.e2e.case import BULK, NULL, Case
from tests.support import dns
from tests.support.daemons import COMMAND, RESOLVER, SIDECAR, Daemon
from tests.support.small_internet import RESOLVER as ADDRESS

REFUSED = 3  # exit status: input or configuration refused
USAGE = 2
UNREACHABLE = 4


class StartTest(Case):
    LISTS = {"ads.domains": "h1.bulk.test\n"}
    BODY = """
[[list]]
name = "ads"
source = "{lists}/ads.domains"

[[policy]]
name = "default"
lists = ["ads"]
"""

    def test_status(self):
        ran = self.weir.done("status")
        self.assertRegex(ran.out, r"(?i)generation\W+\d+")
        self.assertTrue(self.weir.done("status", "--json").json)

    def test_status_of_a_dead_resolver(self):
        self.weir.resolver.kill()
        try:
            ran = self.weir.command("status")
            self.assertEqual(ran.status, UNREACHABLE, str(ran))
            self.assertIn("weir-resolver cannot be reached", ran.out)
        finally:
            self.weir.resolver.start()

    def test_second_resolver(self):
        """Would silently take half of the queries (SO_REUSEPORT)."""
        other = Daemon(RESOLVER, self.weir.config, self.folder / "second")
        other.folder.mkdir()
        process = other.launch()
        self.assertNotIn(process.wait(20), (0, -signal.SIGSEGV, -signal.SIGABRT), other.output())
        self.assertIn(str(self.weir.resolver.process.pid), other.output())
        for _ in range(20):
            self.shows(("h1.bulk.test", "A", NULL))

    def test_second_sidecar(self):
        other = Daemon(SIDECAR, self.weir.config, self.folder / "second_sidecar")
        other.folder.mkdir()
        self.assertNotEqual(other.launch().wait(20), 0)
        self.assertTrue(other.output().strip())
        self.assertEqual(self.weir.command("status").status, 0)

    def test_port_in_use(self):
        """By another program: a run directory of its own does not help."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind((ADDRESS, 5399))
            config = self.folder / "taken.toml"
            run = self.folder / "taken_run"
            run.mkdir()
            config.write_text(re.sub(r"listen = .*", f'listen = ["{ADDRESS}:5399"]', self.weir.config.read_text())
                              .replace(str(self.weir.run_folder), str(run)))
            other = Daemon(RESOLVER, config, self.folder / "taken")
            other.folder.mkdir()
            self.assertNotEqual(other.launch().wait(20), 0)
            self.assertIn("5399", other.output())

    def test_check_flag_of_the_daemons(self):
        for program in (RESOLVER, SIDECAR):
            with self.subTest(program=program.name):
                ran = subprocess.run([str(program), "--config", str(self.weir.config), "--check"], capture_output=True,
                                     stdin=subprocess.DEVNULL, timeout=20)
                self.assertEqual(ran.returncode, 0, ran.stderr)

    def test_sigterm_ends_both_well(self):
        for daemon in (self.weir.resolver, self.weir.sidecar):
            with self.subTest(program=daemon.program.name):
                self.assertEqual(daemon.stop(), 0, daemon.output())
                daemon.start()
        self.shows(("h1.bulk.test", "A", NULL))

    def test_unknown_verbs_and_options(self):
        for arguments in (["frobnicate"], ["list", "frobnicate"], ["status", "--frobnicate"], ["list", "rollback"]):
            with self.subTest(arguments=arguments):
                ran = self.weir.command(*arguments)
                self.assertEqual(ran.status, USAGE, str(ran))
                self.assertTrue(ran.err.strip())

    def test_help(self):
        text = self.weir.done("--help").out
        for word in ("explain", "rollback", "--json"):
            self.assertIn(word, text + self.weir.done("list", "--help").out)


class WithoutSidecarTest(Case):
    LISTS = StartTest.LISTS
    BODY = StartTest.BODY

    def test_resolver_needs_no_sidecar(self):
        self.shows(("h1.bulk.test", "A", NULL), ("h2.bulk.test", "A", BULK))
        self.assertEqual(self.weir.sidecar.stop(), 0)
        self.shows(("h1.bulk.test", "A", NULL), ("h3.bulk.test", "A", BULK))
        # Restarted without it: by the last published generation.
        self.assertEqual(self.weir.resolver.stop(), 0)
        self.weir.resolver.start()
        self.shows(("h1.bulk.test", "A", NULL), ("h4.bulk.test", "A", BULK))
        ran = self.weir.command("list", "update", "ads")
        self.assertEqual(ran.status, UNREACHABLE, str(ran))
        self.assertEqual(self.weir.command("status").status in (0, UNREACHABLE), True)
        self.weir.sidecar.start()
        self.write_list("ads.domains", "h1.bulk.test\nh5.bulk.test\n")
        self.weir.done("list", "update", "ads")
        self.shows(("h5.bulk.test", "A", NULL))


class NoGenerationTest(Case):
    LISTS = StartTest.LISTS
    BODY = StartTest.BODY
    START = False

    def test_resolver_first(self):
        """With no generation at all it answers SERVFAIL with EDE 14 Not Ready, and filters as soon as there is one."""
        self.weir.resolver.launch()

        def answers():
            try:
                return self.weir.ask("h2.bulk.test", timeout=1)
            except (ConnectionError, TimeoutError):
                self.assertTrue(self.weir.resolver.running(), self.weir.resolver.output())
                return None

        answer = dns.wait_until(answers, 20, "the resolver answers")
        self.assertEqual((answer.rcode, [code for code, _ in answer.ede]), ("SERVFAIL", [14]))
        self.weir.sidecar.start()
        self.weir.done("list", "update", "ads")
        self.weir.until("h1.bulk.test", NULL)
        self.shows(("h2.bulk.test", "A", BULK))


class BadConfigurationTest(Case):
    LISTS = StartTest.LISTS
    BODY = StartTest.BODY

    FAULTS = [
        # what stands behind the good configuration, what the message holds
        ('[resolver2]\nx = 1\n', [r"resolver2", r"resolver"]),
        ('[[list]]\nname = "x"\nsorce = "/a"\n', [r"'sorce'", r"source"]),
        ('[[list]]\nname = "ads"\nsource = "/a"\n', [r"ads"]),
        ('[[policy]]\nname = "p"\nlists = ["nolist"]\n', [r"nolist"]),
        ('[[policy]]\nname = "p"\nblock = "nul"\n', [r"nul"]),
        ('[[group]]\nname = "g"\nclients = ["10.0.0.1/8"]\n', [r"10\.0\.0\.1/8"]),
        ('[[group]]\nname = "g"\nclients = ["10.1.0.0/16"]\npolicy = "nopolicy"\n', [r"nopolicy"]),
        ('[log]\nkeep = "30 fortnights"\n', [r"fortnights"]),
        ('[log]\nkeep = 3\n', [r"keep"]),
        ('[log\n', []),
        ('[log]\nprivacy = "full"\nprivacy = "none"\n', []),
    ]

    def test_message_names_file_line_and_column(self):
        good = self.weir.config.read_text()
        lines = good.count("\n")
        for text, words in self.FAULTS:
            with self.subTest(text=text):
                bad = self.folder / "bad.toml"
                bad.write_text(good + text)
                for command in ([str(COMMAND), "--config", str(bad), "check"], [str(RESOLVER), "--config", str(bad)],
                                [str(SIDECAR), "--config", str(bad)]):
                    ran = subprocess.run(command, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
                    output = ran.stdout + ran.stderr
                    self.assertEqual(ran.returncode, REFUSED, output)
                    place = re.search(r"bad\.toml:(\d+):(\d+): ", output)
                    self.assertIsNotNone(place, output)
                    self.assertGreater(int(place.group(1)), lines)
                    for word in words:
                        self.assertRegex(output, word)

    def test_missing_file(self):
        for program in (COMMAND, RESOLVER, SIDECAR):
            verb = ["check"] if program == COMMAND else []
            ran = subprocess.run([str(program), "--config", str(self.folder / "none.toml"), *verb], capture_output=True,
                                 text=True, timeout=20, stdin=subprocess.DEVNULL)
            self.assertEqual(ran.returncode, REFUSED, ran.stderr)
            self.assertIn("none.toml", ran.stdout + ran.stderr)

    def test_reload_of_a_bad_file_changes_nothing(self):
        good = self.weir.config.read_text()
        try:
            self.weir.config.write_text(good + '[[policy]]\nname = "default"\nblok = "nxdomain"\n')
            ran = self.weir.command("reload")
            self.assertEqual(ran.status, REFUSED, str(ran))
            self.assertRegex(ran.out + ran.err, r"weir\.toml:\d+:\d+: ")
            self.shows(("h1.bulk.test", "A", NULL))
        finally:
            self.weir.config.write_text(good)
        self.weir.done("reload")

    def test_reload_takes_a_good_file(self):
        body = self.weir.body
        self.weir.write_config(body.replace('lists = ["ads"]', 'lists = ["ads"]\nblock = "refused"'))
        self.weir.done("reload")
        self.shows(("h1.bulk.test", "A", "REFUSED"))
        self.weir.write_config(body)
        self.weir.done("reload")
        self.shows(("h1.bulk.test", "A", NULL))

    def test_what_waits_for_a_restart_is_said_until_then(self):
        """By whom, and compared with what runs: once a second reload said nothing, nor did status."""
        body = self.weir.body
        waits = [("weir-resolver", "cache.min_ttl"), ("weir-sidecar", "transfer.listen")]

        def said(command: str) -> list[tuple[str, str]]:
            return re.findall(r"only when (\S+) is restarted: (\S+)", self.weir.done(command).out)

        try:
            self.assertEqual(said("status"), [])
            self.weir.write_config(body + '\n[cache]\nmin_ttl = "5s"\n[transfer]\nlisten = ["127.0.0.1:5399"]\n')
            self.assertEqual(said("reload"), waits)
            self.assertEqual(said("reload"), waits)
            self.assertEqual(said("status"), waits)
            self.weir.resolver.stop()
            self.assertEqual(re.findall(r"only when (\S+) is", self.weir.command("status").out), ["weir-sidecar"])
            self.weir.resolver.start()
            self.weir.until("h1.bulk.test", NULL)
            self.assertEqual(said("status"), waits[1:])
        finally:
            self.weir.write_config(body)
        self.assertEqual(said("reload"), waits[:1])
        self.weir.resolver.stop()
        self.weir.resolver.start()
        self.weir.until("h1.bulk.test", NULL)
        self.assertEqual(said("status"), [])


class BadStoreTest(Case):
    LISTS = StartTest.LISTS
    BODY = StartTest.BODY

    def test_store_of_another_version_is_refused(self):
        self.shows(("h1.bulk.test", "A", NULL))
        self.assertEqual(self.weir.sidecar.stop(), 0)
        live = self.weir.store / "policy" / "live" / "CURRENT"
        content = live.read_bytes()
        live.write_bytes(b"MANIFEST-999999\n")
        try:
            process = self.weir.sidecar.launch()
            self.assertNotIn(process.wait(20), (0, -signal.SIGSEGV, -signal.SIGABRT))
            self.assertTrue(self.weir.sidecar.output().strip())
            self.shows(("h1.bulk.test", "A", NULL))
        finally:
            live.write_bytes(content)
        self.weir.sidecar.start()

    def test_store_without_permission(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to run the sidecar as somebody else")
        process = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(SIDECAR), "--config", str(self.weir.config)],
            capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
        self.assertNotIn(process.returncode, (0, -signal.SIGSEGV, -signal.SIGABRT))
        self.assertRegex((process.stdout + process.stderr).lower(), r"permi|denied")
