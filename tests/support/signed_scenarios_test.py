"""What the signed scenarios hold still comes out of their generator: the zones in it are those that the files show."""

from __future__ import annotations

import re
import unittest
from pathlib import Path

from tests.scenario import make_signed

OWN = Path(__file__).resolve().parent.parent / "scenario" / "own"
SIGNATURE = re.compile(rf"^\S+ (\d+ IN RRSIG .* {make_signed.KEY_TAG} \S+ \S+)$", re.MULTILINE)


class SignedScenarios(unittest.TestCase):
    def test_every_signature_is_made_again(self) -> None:
        zones = {name: make_signed.signed(zone) for name, zone in make_signed.ZONES.items()}
        made = {" ".join(record[1:]) for zone in zones.values() for record in zone if record[3] == "RRSIG"}
        files = {path: SIGNATURE.findall(path.read_text()) for path in sorted(OWN.rglob("*.rpl"))}
        self.assertGreater(sum(map(bool, files.values())), 10)
        for path, signatures in files.items():
            with self.subTest(path.name):
                self.assertEqual(set(signatures) - made, set())

    def test_lines_are_filled_in(self) -> None:
        text = make_signed.fill("SECTION AUTHORITY\n@optout match example.org.\n@optout cover child.example.org.\n"
                                "@optout match example.org.\nENTRY_END\n").splitlines()
        self.assertEqual([line.split()[3] for line in text[1:-1]], ["NSEC3", "RRSIG"] * 2)
        for line in ("@nsec match gone.example.org.", "@nsec cover www.example.org.", "@nsec rrset www.example.org. MX",
                     "@nsec what www.example.org. A"):
            with self.subTest(line), self.assertRaises(ValueError):
                make_signed.fill(line)


if __name__ == "__main__":
    unittest.main()
