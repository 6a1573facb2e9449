"""What the example configuration has to tell whoever chooses a block answer."""

import unittest
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parent.parent.parent / "deploy" / "weir.toml"


class ExampleConfigurationTest(unittest.TestCase):
    def above(self, key: str) -> str:
        """The comment above a key."""
        comment: list[str] = []
        for line in EXAMPLE.read_text().splitlines():
            if line.startswith(key + " = "):
                return " ".join(comment)
            comment = [*comment, line.lstrip("# ")] if line.startswith("#") else []
        raise AssertionError(f"{EXAMPLE.name} has no {key}")

    # SEMANTICS 4: `0.0.0.0` reaches the local machine on Linux (AdguardForAndroid#1582): note it, offer `nodata`
    def test_a_null_address_reaches_the_machine_itself(self) -> None:
        self.assertRegex(self.above("block"), r"0\.0\.0\.0 reaches the machine itself.*nodata")

    # SEMANTICS 4: so a validating stub sees bogus: say so in the documents.
    def test_who_validates_sees_bogus(self) -> None:
        self.assertRegex(self.above("block"), "no signatures.*bogus")


if __name__ == "__main__":
    unittest.main()
