"""Lists that are no lists, and sources that misbehave: a clear message, exit status 3, the old rules in force."""

import gzip
import http.server
import os
import subprocess
import threading

from tests.e2e.case import BULK, NULL, Case

REFUSED = 3
UNAVAILABLE = 4
NOT_PERMITTED = 5
FAILED_INSIDE = 6
SOURCE = "127.0.0.1"  # allowed by name; every other private address is not
GOOD = "h1.bulk.test\n"


class BadFilesTest(Case):
    LISTS = {"list.txt": GOOD}
    BODY = """
[fetch]
max_bytes = "1MiB"
max_decoded_bytes = "1MiB"

[[list]]
name = "list"
source = "{lists}/list.txt"

[[policy]]
name = "default"
lists = ["list"]
"""

    REFUSED_FILES = {
        "HTML": b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n",
        "HTML after spaces": b"\n \n<html><head></head></html>\n",
        "JSON error": b'{"error": "quota exceeded"}\n',
        "binary": bytes(range(256)) * 64,
        "NUL in the beginning": b"h1.bulk.test\n\0h2.bulk.test\n",
        "too large": b"h1.bulk.test\n" * 100_000,
        "empty": b"",
    }

    def test_refused_and_unchanged(self):
        for what, content in self.REFUSED_FILES.items():
            with self.subTest(what=what):
                self.write_list("list.txt", content)
                ran = self.weir.command("list", "update", "list")
                self.assertEqual(ran.status, REFUSED, str(ran))
                self.assertTrue(ran.err.strip(), str(ran))
                self.shows(("h1.bulk.test", "A", NULL), ("h2.bulk.test", "A", BULK))
        self.write_list("list.txt", GOOD)
        self.weir.done("list", "update", "list")

    def test_bad_lines_do_not_spoil_good_ones(self):
        content = (b"h1.bulk.test\n" + b"x" * 100_000 + b"\n" + b"\xff\xfe\xfd.bulk.test\n" + b"h3.bulk.test\r\n" +
                   b"a" * 64 + b".bulk.test\n" + (b"a." * 130) + b"bulk.test\n" + b"h4.bulk.test")
        self.write_list("list.txt", content)
        self.weir.done("list", "update", "list")
        self.shows(*((f"h{number}.bulk.test", "A", NULL) for number in (1, 3, 4)))
        checked = self.weir.done("list", "check", str(self.lists / "list.txt"), "--json").json
        self.assertEqual((checked["lines"], sum(checked["buckets"].values())), (7, 7))
        for bucket in ("overlong", "invalid_text"):
            self.assertEqual(checked["buckets"][bucket], 1)
        self.write_list("list.txt", GOOD)
        self.weir.done("list", "update", "list")

    def test_missing_and_unreadable_file(self):
        (self.lists / "list.txt").unlink()
        ran = self.weir.command("list", "update", "list")
        self.assertEqual(ran.status, REFUSED, str(ran))
        self.assertIn("list.txt", ran.err)
        self.shows(("h1.bulk.test", "A", NULL))
        self.write_list("list.txt", GOOD)
        self.weir.done("list", "update", "list")

    def test_unknown_list(self):
        ran = self.weir.command("list", "update", "nosuch")
        self.assertEqual(ran.status, REFUSED, str(ran))
        self.assertIn("nosuch", ran.err)

    def test_bad_rules(self):
        for rule in ("not a name", "a..b", "300.1.2.3/8", "a" * 64 + ".test", "10.0.0.1/8", ""):
            with self.subTest(rule=rule):
                ran = self.weir.command("rule", "add", rule)
                self.assertIn(ran.status, (2, REFUSED), str(ran))
                self.assertTrue(ran.err.strip())


class Misbehaving(http.server.BaseHTTPRequestHandler):
    """Each path misbehaves in its own way."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, body: bytes, status: int = 200, length: int | None = None, **headers: str):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.close_connection = True
        path = self.path.strip("/")
        try:
            if path == "good":
                self.reply(GOOD.encode(), ETag='"v1"')
            elif path == "missing":
                self.reply(b"no such list\n", 404)
            elif path == "half":
                self.reply(b"h2.bulk.test\nh3.bulk", length=100_000)
            elif path == "loop":
                self.reply(b"", 302, Location="/loop")
            elif path == "inward":
                self.reply(b"", 302, Location="http://10.53.0.4/list")
            elif path == "file":
                self.reply(b"", 302, Location="file:///etc/hosts")
            elif path == "bomb":
                self.reply(gzip.compress(b"0" * 20_000_000), Content_Encoding="gzip")
            elif path == "gzipped":
                self.reply(gzip.compress(GOOD.encode() * 3), Content_Encoding="gzip")
            elif path == "endless":
                self.send_response(200)
                self.end_headers()
                while True:
                    self.wfile.write(b"h2.bulk.test\n" * 1000)
            elif path == "stalled":
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"h2.bulk.test\n")
                self.server.stalled.wait(30)
            elif path == "page":
                self.reply(b"<html><body>Please log in</body></html>")
        except (BrokenPipeError, ConnectionResetError):
            pass


class BadSourcesTest(Case):
    LISTS = {}
    PATHS = ["missing", "half", "loop", "inward", "file", "bomb", "endless", "stalled", "page"]
    START = False

    @classmethod
    def setUpClass(cls):
        cls.server = http.server.ThreadingHTTPServer((SOURCE, 8080), Misbehaving)
        cls.server.daemon_threads = True
        cls.server.stalled = threading.Event()
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.server.server_close)
        cls.addClassCleanup(cls.server.shutdown)
        cls.addClassCleanup(cls.server.stalled.set)
        super().setUpClass()
        cls.weir.write_config(cls.body("good"))
        cls.weir.start()
        cls.weir.done("list", "update", "list")

    @staticmethod
    def body(path: str) -> str:
        return f"""
[fetch]
allow_private = ["{SOURCE}"]
max_bytes = "1MiB"
max_decoded_bytes = "8MiB"
timeout = "3s"

[[list]]
name = "list"
source = "http://{SOURCE}:8080/{path}"

[[policy]]
name = "default"
lists = ["list"]
"""

    def use(self, path: str) -> None:
        self.weir.write_config(self.body(path))
        self.weir.done("reload")

    def test_refused_and_unchanged(self):
        for path in self.PATHS:
            with self.subTest(path=path):
                self.use(path)
                ran = self.weir.command("list", "update", "list", timeout=30)
                self.assertIn(ran.status, (REFUSED, UNAVAILABLE, NOT_PERMITTED), str(ran))
                self.assertTrue(ran.err.strip())
                self.shows(("h1.bulk.test", "A", NULL), ("h2.bulk.test", "A", BULK))

    def test_compressed_and_unchanged_sources(self):
        for path in ("gzipped", "good", "good"):
            self.use(path)
            self.weir.done("list", "update", "list")
            self.shows(("h1.bulk.test", "A", NULL))


class FullDiskTest(Case):
    """The store's file system fills up in the middle of an import."""

    LISTS = {"list.txt": GOOD}
    BODY = BadFilesTest.BODY.replace("1MiB", "64MiB")
    START = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.limit_store("24m")
        cls.weir.start()
        cls.weir.done("list", "update", "list")

    def test_old_state_stays_in_force(self):
        self.shows(("h1.bulk.test", "A", NULL), ("h2.bulk.test", "A", BULK))
        # Names that do not compress: what is free cannot hold them.
        self.write_list("list.txt", "h2.bulk.test\n" +
                        "".join(f"{os.urandom(24).hex()}.bulk.test\n" for _ in range(800_000)))
        ran = self.weir.command("list", "update", "list", timeout=300)
        self.assertEqual(ran.status, FAILED_INSIDE, str(ran))
        self.assertTrue(ran.err.strip())
        self.shows(("h1.bulk.test", "A", NULL), ("h2.bulk.test", "A", BULK))
        self.assertTrue(self.weir.resolver.running())
        # With room again, the next import is taken; where the sidecar has to be restarted for it, it starts.
        self.write_list("list.txt", "h1.bulk.test\nh3.bulk.test\n")
        subprocess.run(["mount", "-o", "remount,size=512m", str(self.weir.store)], check=True)
        if self.weir.command("list", "update", "list", timeout=120).status != 0:
            self.weir.sidecar.kill()
            self.weir.sidecar.start()
            self.weir.done("list", "update", "list")
        self.shows(("h1.bulk.test", "A", NULL), ("h3.bulk.test", "A", NULL))
