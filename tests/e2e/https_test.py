"""Lists by https: who vouches for the server is checked, and nothing but a good list by a good way changes a rule."""

import http.server
import socket
import ssl
import threading
import time

from tests.e2e.case import BULK, NULL, Case
from tests.support.certificates import Authority

REFUSED = 3
ADDRESS = "127.0.0.1"  # allowed by name, as is "localhost"; every other private address is not
GOOD = "h1.bulk.test\n"
OTHER = "h2.bulk.test\n"  # what every server but the good ones would make us believe
PLAIN, STALLED = 8080, 8449
TIMEOUT_SECONDS = 1


class Lists(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.close_connection = True
        self.server.seen.append((self.path, self.headers.get("If-None-Match"), self.headers.get("Host")))
        moved = {"/down": f"http://{ADDRESS}:{PLAIN}/list", "/up": f"https://{ADDRESS}:{self.server.good_port}/list"}
        body, tag = self.server.lists.encode(), f'"{hash(self.server.lists)}"'
        if self.path in moved:
            self.send_response(302)
            self.send_header("Location", moved[self.path])
            body = b""
        elif self.headers.get("If-None-Match") == tag:
            self.send_response(304)
            self.send_header("ETag", tag)
            self.end_headers()
            return
        else:
            self.send_response(200)
            self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    """https with a certificate, http without one. `seen` has every request that came through the handshake."""

    daemon_threads = True
    good_port = 8441

    def __init__(self, port: int, certificate=None, lists: str = OTHER) -> None:
        super().__init__((ADDRESS, port), Lists)
        self.lists, self.seen, self.context = lists, [], None
        if certificate is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate)

    def finish_request(self, request, client_address):
        if self.context is None:
            return super().finish_request(request, client_address)
        with self.context.wrap_socket(request, server_side=True) as stream:  # in the connection's own thread
            super().finish_request(stream, client_address)

    def handle_error(self, request, client_address):
        pass  # a client that does not like the certificate closes in the middle of the handshake


class HttpsTest(Case):
    START = False
    CERTIFICATES = {"good": 8441, "self-signed": 8442, "expired": 8443, "wrong host": 8444, "unknown authority": 8445}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        authority = Authority(cls.folder / "ca", "authority")
        hosts = ("DNS:localhost", f"IP:{ADDRESS}")
        certificates = {
            "good": authority.issue("good", *hosts),
            "self-signed": authority.self_signed("self", *hosts),
            "expired": authority.issue("expired", *hosts, days=-1),
            "wrong host": authority.issue("wrong", "DNS:lists.example", "IP:192.0.2.1"),
            "unknown authority": Authority(cls.folder / "other", "other").issue("unknown", *hosts),
        }
        cls.ca_file = authority.file
        cls.servers = {what: Server(port, certificates[what]) for what, port in cls.CERTIFICATES.items()}
        cls.servers["plain"] = Server(PLAIN)
        cls.good = cls.servers["good"]
        for server in cls.servers.values():
            threading.Thread(target=server.serve_forever, daemon=True).start()
            cls.addClassCleanup(server.server_close)
            cls.addClassCleanup(server.shutdown)
        # The kernel takes the connection; nobody ever answers the client's hello.
        cls.stalled = socket.create_server((ADDRESS, STALLED))
        cls.addClassCleanup(cls.stalled.close)
        cls.use(f"https://{ADDRESS}:{cls.good.good_port}/list", reload=False)
        cls.weir.start()

    @classmethod
    def use(cls, source: str, *, timeout: str = f"{TIMEOUT_SECONDS}s", ca_file=None, reload: bool = True) -> None:
        cls.weir.write_config(f"""
[fetch]
allow_private = ["{ADDRESS}", "localhost"]
timeout = "{timeout}"
{f'ca_file = "{ca_file or cls.ca_file}"' if ca_file != "none" else ''}

[[list]]
name = "list"
source = "{source}"

[[policy]]
name = "default"
lists = ["list"]
""")
        if reload:
            cls.weir.done("reload")

    def setUp(self):
        """Every test begins with the good list, got the good way."""
        self.good.lists = GOOD
        self.use(f"https://{ADDRESS}:{self.good.good_port}/list", timeout="30s")
        self.weir.done("list", "update", "list")
        self.shows(("h1.bulk.test", "A", NULL), ("h2.bulk.test", "A", BULK))
        for server in self.servers.values():
            server.seen.clear()

    def refuses(self, source: str, *words: str, **keys) -> None:
        """For a reason that is told, and what was in force stays so."""
        self.use(source, **keys)
        ran = self.weir.command("list", "update", "list", timeout=30)
        self.assertEqual(ran.status, REFUSED, str(ran))
        for word in (source, *words):
            self.assertIn(word, ran.err)
        self.shows(("h1.bulk.test", "A", NULL), ("h2.bulk.test", "A", BULK))
        shown = self.weir.done("list", "show", "list", "--json").json["lists"][0]
        self.assertEqual((shown["state"], shown["rules"]), ("failed", 1), shown)

    def test_trusted_by_address_and_by_name(self):
        for host in ("localhost", ADDRESS):
            with self.subTest(host=host):
                self.good.lists = f"h1.bulk.test\n{host}.bulk.test\n"
                self.use(f"https://{host}:{self.good.good_port}/list", timeout="30s")
                self.weir.done("list", "update", "list")
                self.shows(("h1.bulk.test", "A", NULL), (f"{host}.bulk.test", "A", NULL))
                self.assertEqual(self.good.seen[-1][2], f"{host}:{self.good.good_port}")

    def test_unchanged_is_asked_with_the_tag_and_imports_nothing(self):
        unchanged = self.weir.done("list", "update", "list", "--json").json
        path, tag, _ = self.good.seen[-1]
        self.assertEqual((path, tag, unchanged["changed"]), ("/list", f'"{hash(GOOD)}"', False), unchanged)
        self.good.lists = OTHER
        changed = self.weir.done("list", "update", "list", "--json").json
        self.assertEqual((self.good.seen[-1][1], changed["changed"], changed["added"], changed["removed"]),
                         (f'"{hash(GOOD)}"', True, 1, 1), changed)
        self.shows(("h1.bulk.test", "A", BULK), ("h2.bulk.test", "A", NULL))

    def test_certificates_that_vouch_for_nothing(self):
        for what, word in {"self-signed": "self-signed certificate", "expired": "certificate has expired",
                           "wrong host": f"'{ADDRESS}'", "unknown authority": "unable to get local issuer"}.items():
            with self.subTest(what=what):
                self.refuses(f"https://{ADDRESS}:{self.CERTIFICATES[what]}/list", word, timeout="30s")
                self.assertEqual(self.servers[what].seen, [], "asked before it was known whom")

    def test_an_authority_is_trusted_because_the_file_names_it(self):
        source = f"https://{ADDRESS}:{self.good.good_port}/list"
        self.good.lists = OTHER
        self.refuses(source, "unable to get local issuer", ca_file="none")
        for what, path in {"absent": self.folder / "absent.pem", "no certificate": self.folder / "weir.toml"}.items():
            with self.subTest(what=what):
                self.refuses(source, "[fetch] ca_file", str(path), ca_file=path)
        self.assertEqual(self.good.seen, [])

    def test_redirects_lead_up_and_never_down(self):
        self.refuses(f"https://{ADDRESS}:{self.good.good_port}/down", "redirects from https to http://")
        self.assertEqual(self.servers["plain"].seen, [])
        self.good.lists = OTHER
        self.use(f"http://{ADDRESS}:{PLAIN}/up", timeout="30s")
        self.weir.done("list", "update", "list")
        self.shows(("h1.bulk.test", "A", BULK), ("h2.bulk.test", "A", NULL))

    def test_no_tls_at_all(self):
        self.refuses(f"https://{ADDRESS}:{PLAIN}/list", "SSL", timeout="30s")

    def test_a_handshake_that_stalls_ends(self):
        """By the bound of the whole fetch, or by that of connecting where it comes first; the message says which."""
        source = f"https://{ADDRESS}:{STALLED}/list"
        for timeout, most, word in [(f"{TIMEOUT_SECONDS}s", TIMEOUT_SECONDS, f"{TIMEOUT_SECONDS} s ([fetch] timeout)"),
                                    ("60s", 10, "no connection after 10 s")]:
            with self.subTest(timeout=timeout):
                began = time.monotonic()
                self.refuses(source, word, timeout=timeout)
                # Twice: a reload with another source has it fetched at once, and the command waits for that.
                self.assertLess(time.monotonic() - began, 2 * most + 5)
