"""The HTTP API: every operation of its own description with good and bad parameters, who may use it, and clients that mean
no good. After each of them the daemon is there and answers."""

import json
import os
import random
import re
import ssl
import stat
import subprocess
import threading
import time
from pathlib import Path

from tests.e2e.case import BULK, NULL, Case
from tests.support import dns, http_api
from tests.support.certificates import Authority
from tests.support.daemons import COMMAND
from tests.support.http_api import BASE, Client, call, operations, parameters, read_answer, status_of
from tests.support.small_internet import CLIENT, RESOLVER

PORT = 8053
TLS_PORT = 8453
REQUEST_SECONDS = 10
SLOW_CLIENTS = 12
CONNECTIONS_A_SOURCE = 48
MIB = 1 << 20

# What the description cannot know.
GOOD = {"name": "ads", "pattern": "made.example", "id": "a999", "number": 1, "import": 1, "from": 1, "to": 1, "seconds": 60,
        "by": "group", "step": 3600,
        "reason": "a test", "action": "block", "kind": "subtree", "policy": "other", "group": "default",
        "groups": ["default"], "clients": ["192.0.2.0/24"], "client": "192.0.2.1", "type": "A", "types": ["A"],
        "class": "blocked", "list": "ads", "since": "1h", "limit": 10, "names": 5, "statement": "SELECT count(*) FROM decisions", "day": "2026-07-06"}
# Left out of the good ones: they make another request of it, or one that takes long.
BESIDE = {"at", "until", "follow", "files", "addresses", "target", "answers", "types", "dry_run", "exact", "important",
          "kind"}
BAD = ["", " ", "\0", "\n", "../../etc/passwd", "<img src=x onerror=alert(1)>", "\";drop table rules;--", "=cmd()|' /C'",
       "%00", "\u202egnp.exe", "ü" * 300, "a" * 5000, "-1", "1e9", "18446744073709551616", "NaN", "null", "[]", "{}",
       "true", "999999h", "2026-13-45T99:99:99Z", "..", "*", "/(a+)+$/", "a." * 200]
BAD_JSON = [None, True, 0, -1, 1.5, 18446744073709551615, 1e300, [], {}, [[]], [None], [1], {"a": 1}, "x" * 100_000]


class ApiTest(Case):
    LISTS = {"ads.hosts": "0.0.0.0 ads.example\n0.0.0.0 r1.bulk.test\n"}

    @classmethod
    def setUpClass(cls) -> None:
        folder = Path(os.environ["WEIR_E2E_FOLDER"]) / "api-certificates"
        cls.authority = Authority(folder, "authority")
        both = cls.authority.issue("weir", f"IP:{RESOLVER}", "DNS:weir.example")
        cls.BODY = f"""
[api]
listen = ["127.0.0.1:{PORT}", "[::1]:{PORT}", "{RESOLVER}:{TLS_PORT}"]
tls_certificate = {json.dumps(str(both))}
tls_key = {json.dumps(str(both))}
hosts = ["weir.example"]

[[list]]
name = "ads"
source = "{{lists}}/ads.hosts"

[[sink]]
name = "ads"
kind = "json"
to = "{folder / 'decisions.json'}"

[[policy]]
name = "default"
lists = ["ads"]

[[policy]]
name = "other"
"""
        super().setUpClass()
        cls.admin_token = cls.weir.done("token", "add", "alice", "--role", "admin").out.strip()
        cls.analyst_token = cls.weir.done("token", "add", "bob", "--role", "analyst", "--for", "1h").out.strip()
        cls.admin = Client("127.0.0.1", PORT, cls.admin_token)
        cls.analyst = Client("127.0.0.1", PORT, cls.analyst_token)
        cls.nobody = Client("127.0.0.1", PORT)
        cls.description = cls.nobody.get("/openapi.json").json
        newest = cls.admin.get("/lists/ads/history").json["imports"][0]["import"]
        cls.good = {**GOOD, "import": newest, "from": newest, "to": newest}
        # They send an octet now and then while the other tests run; test_slow_clients looks what became of them.
        cls.slow = [cls.nobody.connect() for _ in range(SLOW_CLIENTS)]
        cls.slow_since = time.monotonic()
        for stream in cls.slow:
            stream.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
        cls.trickle_end = threading.Event()
        cls.trickle = threading.Thread(target=cls.send_slowly)
        cls.trickle.start()
        cls.addClassCleanup(cls.end_slow_clients)

    @classmethod
    def send_slowly(cls) -> None:
        while not cls.trickle_end.wait(0.5):
            for stream in cls.slow:
                try:
                    stream.sendall(b"a")
                except OSError:
                    pass

    @classmethod
    def end_slow_clients(cls) -> None:
        cls.trickle_end.set()
        cls.trickle.join()
        for stream in cls.slow:
            stream.close()

    def tearDown(self) -> None:
        self.assertEqual(self.admin.get("/session").status, 200)

    def good_values(self, operation: dict, all_of_them: bool = True) -> dict:
        return {each.name: (each.where, self.good[each.name]) for each in parameters(operation)
                if each.required or (all_of_them and each.name in GOOD and each.name not in BESIDE)}

    def operations(self):
        """All but the stream, which does not end; what takes filtering away or changes what others look at comes last."""
        found = [each for each in operations(self.description) if not each[1].endswith("/tail")]
        self.assertGreater(len(found), 25)
        return sorted(found, key=lambda each: ("rollback" in each[1], "pause" in each[1], each[1], each[0]))

    def test_every_operation_by_role(self):
        for method, path, operation in self.operations():
            with self.subTest(operation=f"{method} {path}"):
                values = self.good_values(operation, all_of_them=False)
                role = operation["x-role"]
                self.assertEqual(call(self.nobody, method, path, values).status, 200 if role == "none" else 401)
                by_analyst = call(self.analyst, method, path, values)
                if role == "admin":
                    self.assertEqual((by_analyst.status, by_analyst.code), (403, "wrong_role"), by_analyst)
                else:
                    self.assertLess(by_analyst.status, 500, by_analyst)
                    self.assertNotIn(by_analyst.status, (401, 403), by_analyst)
                foreign = call(self.admin, method, path, values, headers={"Origin": "http://attacker.example"})
                self.assertEqual((foreign.status, foreign.code), (403, "foreign_origin"))
                elsewhere = call(self.admin, method, path, values, headers={"Host": f"attacker.example:{PORT}"})
                self.assertEqual((elsewhere.status, elsewhere.code), (421, "wrong_host"))

    def test_every_operation_with_good_parameters(self):
        missing = {("POST", f"{BASE}/requests/{{id}}/accept"): 404, ("POST", f"{BASE}/requests/{{id}}/refuse"): 404,
                   ("DELETE", f"{BASE}/overlays/{{id}}"): 404, ("DELETE", f"{BASE}/what-if"): (200, 404, 409),
                   ("POST", f"{BASE}/lists/{{name}}/approve"): (404, 409, 400), ("GET", f"{BASE}/what-if"): (200, 404)}
        for method, path, operation in self.operations():
            with self.subTest(operation=f"{method} {path}"):
                answer = call(self.admin, method, path, self.good_values(operation))
                expected = missing.get((method, path), 200)
                self.assertIn(answer.status, expected if isinstance(expected, tuple) else (expected,), answer)
                self.assertEqual(answer.headers["cache-control"], "no-store")
        for overlay in self.admin.get("/overlays").json["overlays"]:
            self.assertEqual(self.admin.send("DELETE", f"{BASE}/overlays/{overlay['id']}").status, 200)
        self.weir.done("reload")

    def test_every_parameter_with_bad_values(self):
        """No value of any parameter makes it fail inside, and none is taken that is of another kind."""
        for method, path, operation in self.operations():
            if "rollback" in path or path.endswith(("/reload", "/pause", "/update")) or path.startswith(f"{BASE}/what-if"):
                bad_texts = BAD[:6]  # each good one among them is a change
            else:
                bad_texts = BAD
            for parameter in parameters(operation):
                kind = parameter.schema["type"]
                for value in BAD_JSON if parameter.where == "body" else bad_texts:
                    if parameter.where == "path" and value in ("", "."):
                        continue
                    with self.subTest(operation=f"{method} {path}", parameter=parameter.name, value=str(value)[:40]):
                        values = self.good_values(operation, all_of_them=False)
                        values[parameter.name] = (parameter.where, value)
                        answer = call(self.admin, method, path, values)
                        self.assertIn(answer.status, (200, 400, 404, 409), answer)
                        fits = {"integer": type(value) is int and 0 <= value, "boolean": type(value) is bool,
                                "array": isinstance(value, list) and all(isinstance(each, str) for each in value),
                                "string": isinstance(value, (str, int)) and not isinstance(value, bool)}[kind]
                        if parameter.where == "body" and value is not None and not fits:
                            self.assertEqual(answer.status, 400, answer)
            with self.subTest(operation=f"{method} {path}", parameter="unknown"):
                values = self.good_values(operation, all_of_them=False)
                values["nosuch"] = ("body" if method == "POST" else "query", "x")
                self.assertEqual(call(self.admin, method, path, values).status, 400)
            for token in ("token", "access_token"):
                answer = call(self.nobody, method, path, {**self.good_values(operation, False),
                                                          token: ("query", self.admin_token)})
                self.assertIn(answer.status, (400, 401))
                self.assertNotIn(self.admin_token.encode(), answer.body)

    def test_methods_confuse_nobody(self):
        for method, status in (("PUT", 405), ("PATCH", 405), ("OPTIONS", 405), ("TRACE", 405), ("HEAD", 405), ("GETT", 405)):
            answer = self.admin.send(method, f"{BASE}/status")
            self.assertEqual(answer.status, status, method)
            self.assertEqual(answer.headers["allow"], "GET")
        override = self.analyst.send("GET", f"{BASE}/status", headers={"X-HTTP-Method-Override": "POST"})
        self.assertEqual(override.status, 200)

    def test_bodies_and_heads_are_bounded(self):
        path = f"{BASE}/reload"
        self.assertEqual(self.admin.send("POST", path, body=b"").status, 200)
        # As large as may be, and one more: told before it is sent.
        padding = b'{"reason": "' + b"x" * (MIB - 14) + b'"}'
        self.assertEqual(len(padding), MIB)
        self.assertIn(self.admin.send("POST", path, body=padding).status, (200, 400))
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.admin_token}\r\n" \
               "Content-Type: application/json\r\n"
        self.assertEqual(status_of(self.nobody.raw(f"{head}Content-Length: {MIB + 1}\r\n\r\n".encode())), 413)
        self.assertEqual(status_of(self.nobody.raw(f"{head}Content-Length: {MIB + 1}\r\n\r\n".encode() + b"x" * (MIB + 1))), 413)
        endless = f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + b"10000\r\n" + (b"x" * 65536 + b"\r\n10000\r\n") * 64
        self.assertEqual(status_of(self.nobody.raw(endless)), 411)
        self.assertEqual(status_of(self.nobody.raw(f"{head}".encode() + b"a: b\r\n" * 10_000 + b"\r\n")), 431)
        self.assertEqual(status_of(self.nobody.raw(head.encode() + b"A: " + b"x" * 20_000 + b"\r\n\r\n")), 431)
        deep = b'{"reason":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        self.assertEqual(self.admin.send("POST", path, body=deep).status, 400)
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            self.assertEqual(self.admin.send("POST", path, body=b"{}", headers={"Content-Type": kind}).status, 415)

    def test_what_is_no_request(self):
        for octets, statuses in ((b"\x16\x03\x01\x00\xa5\x01", (400,)), (b"GET /\r\n\r\n", (400,)), (b"\0" * 100, (400,)),
                                 (b"GET /../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", (400,)),
                                 (b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", (400,)),
                                 (b"GET / HTTP/1.1\r\n\r\n", (400,)), (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", (400,)),
                                 (b"GET / HTTP/1.1\r\nHost: rebound.attacker.example\r\n\r\n", (421,)),
                                 (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (505,)),
                                 (b"GET http://127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", (400,)),
                                 (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400,))):
            with self.subTest(octets=octets[:60]):
                self.assertIn(status_of(self.nobody.raw(octets)), statuses)

    def test_random_octets_end_no_process(self):
        chance = random.Random(int(os.environ.get("WEIR_SEED", "1")))
        whole = (f"POST {BASE}/lists/ads/update HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer x\r\n"
                 "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}").encode()
        for _ in range(300):
            octets = bytearray(whole)
            for _ in range(chance.randrange(1, 6)):
                at = chance.randrange(len(octets))
                turn = chance.randrange(3)
                if turn == 0:
                    octets[at] = chance.randrange(256)
                elif turn == 1:
                    del octets[at:at + chance.randrange(1, 9)]
                else:
                    octets[at:at] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 9)))
            with self.nobody.connect() as stream:
                stream.sendall(bytes(octets))
                stream.shutdown(1)
                status = status_of(read_answer(stream))
            self.assertIn(status, (0, 400, 401, 403, 404, 405, 413, 415, 417, 421, 429, 431, 501, 505), bytes(octets))

    def test_wrong_tokens_are_slowed_down(self):
        guess = Client("127.0.0.1", PORT, "weir_" + "0" * 64)
        # The tests before may have used up what this address may try: what is tried until then comes back with time.
        answers = [dns.wait_until(lambda: next((each for each in [guess.get("/status")] if each.status == 401), None), 15,
                                  "a wrong token that is no more than wrong", every=0.05)]
        answers += [guess.get("/status") for _ in range(100)]
        seen = [answer.status for answer in answers]
        self.assertEqual(set(seen), {401, 429})
        self.assertLess(seen.count(401), 40)
        self.assertEqual(self.admin.get("/status").status, 200)  # nobody is locked out by them
        for answer in answers:
            if answer.status == 429:
                self.assertEqual(answer.headers.get("retry-after"), "1", answer)

    def test_tokens_come_and_go_and_the_audit_log_says_so(self):
        store = self.weir.store / "tokens.json"
        self.assertEqual(stat.S_IMODE(store.stat().st_mode), 0o600)
        self.assertNotIn(self.admin_token.removeprefix("weir_"), store.read_text())
        carol = Client("127.0.0.1", PORT, self.weir.done("token", "add", "carol", "--role", "admin").out.strip())
        self.assertEqual(carol.post("/overlays/allow", name="carol.example", seconds=60, reason="hers").status, 200)
        shown = self.weir.done("token", "show").out
        self.assertRegex(shown, rf"carol +admin .* {time.strftime('%Y-%m-%d', time.gmtime())}")
        self.assertNotIn(carol.token, shown)
        self.weir.done("token", "remove", "carol", "--reason", "she has left")
        self.assertEqual(carol.get("/status").status, 401)
        records = self.admin.get("/audit").json["records"]
        known = [(record["what"], record["subject"]) for record in records]
        self.assertIn(("token add", "carol"), known)
        self.assertIn(("token remove", "carol"), known)
        self.assertIn("api:carol", {record["who"] for record in records})
        self.assertNotIn(carol.token, json.dumps(records))
        for words, says in ((("token", "add", "alice", "--role", "admin"), "already"),
                            (("token", "add", "a b", "--role", "admin"), "name"),
                            (("token", "add", "dave", "--role", "root"), "role"),
                            (("token", "remove", "nobody"), "no token")):
            ran = self.weir.command(*words)
            self.assertNotEqual(ran.status, 0)
            self.assertIn(says, ran.err)
        for path in ("/token", "/tokens"):
            self.assertEqual(self.admin.post(path, name="x", role="admin").status, 404)

    def test_an_administrator_changes_what_is_answered(self):
        self.shows(("r1.bulk.test", "A", NULL))
        begun = self.admin.done(self.admin.post("/overlays/allow", name="r1.bulk.test", seconds=600, reason="an order"))
        self.weir.until("r1.bulk.test", BULK)
        explained = self.analyst.get("/explain", name="r1.bulk.test").json["results"][0]
        self.assertEqual((explained["outcome"], explained["winner"]["author"]), ("allowed", "api:alice"))
        self.assertEqual(self.admin.send("DELETE", f"{BASE}/overlays/{begun['overlay']['id']}").status, 200)
        self.weir.until("r1.bulk.test", NULL)

    def test_an_update_says_how_far_it_is(self):
        self.write_list("ads.hosts", "0.0.0.0 ads.example\n0.0.0.0 r1.bulk.test\n0.0.0.0 r2.bulk.test\n")
        self.addCleanup(self.weir.done, "list", "update", "ads")
        self.addCleanup(self.write_list, "ads.hosts", self.LISTS["ads.hosts"])
        lines = {"Accept": "application/jsonl, application/json"}
        answer = self.admin.send("POST", f"{BASE}/lists/ads/update", body=b"{}", headers=lines)
        self.assertEqual((answer.status, answer.headers["content-type"]), (200, "application/jsonl"), answer)
        *progress, last = [json.loads(line) for line in answer.body.splitlines()]
        self.assertTrue(progress)
        self.assertEqual({tuple(each) for each in progress}, {("phase", "done", "total")})
        self.assertEqual((last["end"]["changed"], last["end"]["added"], last["end"]["removed"]), (True, 1, 0), last)
        self.assertEqual(self.analyst.send("POST", f"{BASE}/lists/ads/update", body=b"{}", headers=lines).status, 403)
        self.assertEqual(self.admin.send("POST", f"{BASE}/lists/nosuch/update", body=b"{}", headers=lines).status, 404)

    def test_totals_equal_the_resolvers_own_figures(self):
        for name in ("ads.example", "www.shop.example", "r1.bulk.test"):
            self.weir.ask(name, source=CLIENT)
        self.admin.done(self.admin.post("/rules", pattern="another.generation.example"))  # workers write what they counted

        def figure(name: str) -> int:
            text = self.analyst.get("/metrics").body.decode()
            return sum(int(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\d+)$", text, re.M))

        def agree():
            found = self.analyst.get("/log/totals", since="24h", step=1800).json
            return found if (found["queries"], found["blocked"]) == \
                (figure("weir_queries_total"), figure("weir_blocked_total")) else None
        found = dns.wait_until(agree, 20, "the totals are those of the resolver", every=0.1)
        self.assertGreaterEqual(found["blocked"], 2)
        for key in ("queries", "blocked", "cached", "failed"):
            self.assertEqual(sum(row[key] for row in found["rows"]), found[key])
        self.assertTrue(found["complete"])
        self.assertGreaterEqual(found["from"], found["since"])
        by_group = self.admin.get("/log/totals", since="24h", by="group").json
        self.assertEqual((by_group["queries"], {row["group"] for row in by_group["rows"]}), (found["queries"], {"default"}))
        shown = self.weir.done("log", "totals", "--since", "24h", "--json").json
        self.assertEqual(shown["queries"], found["queries"])
        self.assertIn(f"{found['queries']:,} queries since".replace(",", " "), self.weir.done("log", "totals").out.replace(",", " "))
        for values, status in (({"by": "group"}, 400), ({"step": 90}, 400), ({"step": 60, "since": "2000h"}, 400)):
            self.assertEqual(self.analyst.get("/log/totals", **values).status, status, values)

    def test_decisions_as_they_are_made(self):
        with self.admin.connect(timeout=20) as stream:
            stream.sendall(f"GET {BASE}/log/tail?name=tailed.ads.example HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n"
                           f"Authorization: Bearer {self.admin_token}\r\n\r\n".encode())
            got = b""
            while b"\r\n\r\n" not in got:
                got += stream.recv(65536)
            self.assertEqual(status_of(got), 200)
            self.assertIn(b"Transfer-Encoding: chunked", got)
            self.admin.done(self.admin.post("/rules", pattern="tailed.ads.example"))
            self.weir.until("tailed.ads.example", NULL, source=CLIENT)
            while b"tailed.ads.example" not in got:
                piece = stream.recv(65536)
                self.assertTrue(piece)
                got += piece
        row = json.loads(next(line for line in got.splitlines() if line.startswith(b"{")))
        self.assertEqual((row["name"], row["class"]), ("tailed.ads.example", "blocked"))

        def gone():
            return "weir_api_connections " in (text := self.analyst.get("/metrics").body.decode()) and \
                int(re.search(r"^weir_api_connections (\d+)", text, re.M).group(1)) <= SLOW_CLIENTS + 2
        dns.wait_until(gone, 20, "the stream's thread has ended", every=0.1)

    def test_figures_as_prometheus_reads_them(self):
        answer = self.analyst.get("/metrics")
        self.assertTrue(answer.headers["content-type"].startswith("text/plain; version=0.0.4"))
        names, described = set(), set()
        for line in answer.body.decode().splitlines():
            if line.startswith("# TYPE "):
                name = line.split(" ")[2]
                self.assertNotIn(name, described)
                described.add(name)
            elif not line.startswith("#"):
                self.assertRegex(line, r'^[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?[0-9.e+]+$')
                names.add(re.match(r"[a-z_]+", line).group(0))
        self.assertEqual({name for name in names if name not in described and not name.endswith(("_bucket", "_sum", "_count"))}, set())
        self.assertTrue({"weir_queries_total", "weir_list_rules", "weir_sidecar_generation", "weir_api_requests_total",
                         "weir_log_rows"} <= names, names)
        self.assertNotIn("10.53.", answer.body.decode())

    def test_beyond_loopback_there_is_tls_alone(self):
        trusted = ssl.create_default_context(cafile=str(self.authority.file))
        outside = Client(RESOLVER, TLS_PORT, self.admin_token, trusted)
        self.assertEqual(outside.get("/session").json["name"], "alice")
        self.assertEqual(outside.send("GET", f"{BASE}/session", headers={"Host": "weir.example"}).status, 200)
        self.assertEqual(outside.send("GET", f"{BASE}/session", headers={"Host": "localhost"}).status, 421)
        self.assertEqual(status_of(Client(RESOLVER, TLS_PORT).raw(b"GET / HTTP/1.1\r\nHost: weir.example\r\n\r\n")), 0)
        old = ssl.create_default_context(cafile=str(self.authority.file))
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            Client(RESOLVER, TLS_PORT, self.admin_token, old).get("/session")
        with self.assertRaises(ssl.SSLError):
            Client(RESOLVER, TLS_PORT, self.admin_token, ssl.create_default_context()).get("/session")
        self.assertEqual(Client("::1", PORT, self.admin_token).send(
            "GET", f"{BASE}/session", headers={"Host": f"[::1]:{PORT}"}).status, 200)
        other = self.folder / "other.toml"
        other.write_text('[api]\nlisten = ["192.0.2.1:80"]\n')
        refused = subprocess.run([str(COMMAND), "--config", str(other), "check"], capture_output=True, text=True)
        self.assertIn("192.0.2.1:80 is not loopback", refused.stderr)

    def test_the_console_is_protected(self):
        page = self.nobody.send("GET", "/")
        self.assertEqual(page.status, 200)
        policy = page.headers["content-security-policy"]
        for part in ("default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
            self.assertIn(part, policy)
        self.assertNotIn("unsafe", policy)
        self.assertEqual((page.headers["x-content-type-options"], page.headers["referrer-policy"]), ("nosniff", "no-referrer"))
        self.assertNotIn("set-cookie", page.headers)
        self.assertNotIn("access-control-allow-origin", page.headers)
        for reference in re.findall(r'(?:src|href)="(/[^"]+)"', page.body.decode()):
            self.assertEqual(self.nobody.send("GET", reference).status, 200, reference)
        self.assertEqual(self.nobody.send("GET", "/lists", headers={"Sec-Fetch-Site": "cross-site"}).status, 403)

    def test_hostile_names_are_data(self):
        name = "<img src=x onerror=alert(1)>.test"
        for answer in (self.analyst.get("/explain", name=name), self.analyst.get("/log/search", name=name)):
            self.assertIn(answer.status, (200, 400), answer)
            self.assertEqual(answer.headers["content-type"], "application/json")
            answer.json
        for pattern in ("=cmd()|.example", "\x1b[31m.example", "xn--bcher-kva.example"):
            answer = self.admin.post("/rules", pattern=pattern)
            self.assertIn(answer.status, (200, 400), answer)

    def test_connections_are_bounded(self):
        streams = []
        try:
            for _ in range(CONNECTIONS_A_SOURCE + 10):
                streams.append(Client("127.0.0.1", PORT).connect())
            statuses = [status_of(read_answer(stream)) for stream in streams[-3:]]
            self.assertEqual(set(statuses), {503})
            # Others have their own share.
            self.assertEqual(Client("::1", PORT).send("GET", "/", headers={"Host": "[::1]"}).status, 200)
        finally:
            for stream in streams:
                stream.close()
        dns.wait_until(lambda: self.admin.get("/session").status == 200, 20, "there is room again", every=0.1)

    def test_z_slow_clients_are_told_and_dropped(self):
        """The last: they were begun with the class."""
        for stream in self.slow:
            self.assertEqual(status_of(read_answer(stream)), 408)
        self.assertLess(time.monotonic() - self.slow_since, 900)
        self.assertEqual(self.admin.get("/status").status, 200)
