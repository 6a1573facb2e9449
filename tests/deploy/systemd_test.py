"""The sandboxes of the units: systemd's own score, and what must stay open for the programs to work."""

import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path

UNITS = Path(__file__).resolve().parent.parent.parent / "deploy" / "systemd"

# Debian's Unbound, BIND and dnsmasq have 9.6.
HIGHEST_SCORES = {"weir-resolver.service": 1.7, "weir-sidecar.service": 1.4}


def settings(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (UNITS / unit).read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


class SystemdUnitsTest(unittest.TestCase):
    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_exposure(self):
        for unit, highest in HIGHEST_SCORES.items():
            with self.subTest(unit=unit):
                run = subprocess.run(
                    ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNITS / unit)],
                    capture_output=True, text=True, timeout=60, env={**os.environ, "LC_ALL": "C.UTF-8"})
                score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", run.stdout)
                self.assertIsNotNone(score, run.stdout + run.stderr)
                self.assertLessEqual(float(score.group(1)), highest)

    def test_what_both_need(self):
        for unit in HIGHEST_SCORES:
            with self.subTest(unit=unit):
                found = settings(unit)
                self.assertEqual(found["Type"], ["notify"])
                self.assertEqual(found["User"], ["weir"])
                # The last word of the filters: sched_setaffinity is in @resources, and the workers pin themselves.
                ranks = {"weir-resolver.service": " sched_setattr setpriority", "weir-sidecar.service": " sched_setattr"}
                self.assertEqual(found["SystemCallFilter"][-1], "sched_setaffinity" + ranks[unit])
                # Neither may take the sockets and rings of the other away by stopping.
                self.assertEqual((found["RuntimeDirectory"], found["RuntimeDirectoryPreserve"]), (["weir"], ["yes"]))

    def test_the_resolver_goes_first(self):
        self.assertLess(int(settings("weir-resolver.service")["Nice"][0]), 0)
        self.assertGreater(int(settings("weir-sidecar.service")["Nice"][0]), 0)

    def test_neither_is_given_up(self):
        # With a limit a resolver whose address comes late (DHCP, duplicate address detection) would stay down.
        for unit in HIGHEST_SCORES:
            with self.subTest(unit=unit):
                found = settings(unit)
                self.assertEqual((found["Restart"], found["StartLimitIntervalSec"]), (["always"], ["0"]))

    def test_only_the_sidecar_writes_the_store(self):
        self.assertEqual(settings("weir-sidecar.service")["StateDirectory"], ["weir"])
        resolver = settings("weir-resolver.service")
        self.assertNotIn("weir", resolver["StateDirectory"])
        self.assertEqual((resolver["ProtectSystem"], resolver["ReadOnlyPaths"]), (["strict"], ["-/var/lib/weir"]))

    def test_only_the_resolver_has_a_capability(self):
        self.assertEqual(settings("weir-resolver.service")["CapabilityBoundingSet"], ["CAP_NET_BIND_SERVICE"])
        self.assertEqual(settings("weir-sidecar.service")["CapabilityBoundingSet"], [""])


if __name__ == "__main__":
    unittest.main()
