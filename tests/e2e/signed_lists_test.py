"""Lists that must be signed: minisign makes the keys and the signatures, as a publisher would."""

import subprocess

from tests.e2e.case import BULK, NULL, Case


class SignedListsTest(Case):
    BODY = """
[[policy]]
name = "default"
"""

    def minisign(self, *arguments: str) -> None:
        subprocess.run(["minisign", *arguments], check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=30)

    def test_only_signed_bytes_are_taken(self):
        keys = {}
        for who in ("publisher", "stranger"):
            public, secret = self.folder / f"{who}.pub", self.folder / f"{who}.key"
            self.minisign("-G", "-W", "-f", "-p", str(public), "-s", str(secret))
            keys[who] = (public.read_text().splitlines()[1], str(secret))
        path = self.write_list("signed.domains", "h20.bulk.test\n")
        sign = lambda who, *more: self.minisign("-S", "-s", keys[who][1], "-m", str(path), *more)

        unsigned = self.weir.command("list", "add", "signed", str(path), "--key", keys["publisher"][0])
        self.assertEqual(unsigned.status, 3, str(unsigned))
        self.assertIn("must be signed", unsigned.err)
        self.assertIn("nothing was changed", unsigned.err)
        self.assertNotIn("signed", self.weir.done("list", "show").out)
        sign("publisher")
        self.weir.done("list", "add", "signed", str(path), "--key", keys["publisher"][0])
        self.shows(("h20.bulk.test", "A", NULL))
        history = self.weir.done("list", "history", "signed", "--json").json["imports"]
        self.assertIn(keys["publisher"][0], history[0]["signer"])
        self.assertNotEqual(history[0]["who"], "schedule")

        self.write_list("signed.domains", "h20.bulk.test\nh21.bulk.test\n")  # and the old signature
        refused = self.weir.command("list", "update", "signed")
        self.assertEqual(refused.status, 3, str(refused))
        self.assertIn("it is not of these bytes", refused.err)
        sign("stranger")
        self.assertIn("made with another key", self.weir.command("list", "update", "signed").err)
        self.shows(("h20.bulk.test", "A", NULL), ("h21.bulk.test", "A", BULK))
        sign("publisher", "-l")  # over the whole file, as older versions do it
        self.weir.done("list", "update", "signed")
        self.shows(("h21.bulk.test", "A", NULL))
