"""The page of those who are filtered: their own decisions by the address that they ask from, nobody else's, and "this is
wrong" until an administrator has answered it."""

import http.client
import json
from urllib.parse import urlencode

from tests.e2e.case import BULK, NULL, Case
from tests.support import dns
from tests.support.http_api import Client
from tests.support.small_internet import RESOLVER

PAGE_PORT = 8054
API_PORT = 8053
KID, OTHER_KID = "10.53.77.1", "10.53.77.2"
ADULT = "10.53.78.1"
SHARED = "10.53.79.1"
HIDDEN, OTHER_HIDDEN = "10.53.80.1", "10.53.80.2"
PATIENCE_SECONDS = 20


class SelfServiceTest(Case):
    ADDRESSES = (KID, OTHER_KID, ADULT, SHARED, HIDDEN, OTHER_HIDDEN)
    LISTS = {"ads.hosts": "".join(f"0.0.0.0 s{i}.bulk.test\n" for i in range(40))}
    BODY = f"""
[api]
listen = ["127.0.0.1:{API_PORT}"]

[self_service]
listen = ["{RESOLVER}:{PAGE_PORT}"]
contact = "ask Alice, room 7"

[[list]]
name = "ads"
source = "{{lists}}/ads.hosts"
category = "advertising"

[[policy]]
name = "whole"
lists = ["ads"]
privacy = "full"

[[policy]]
name = "networks"
lists = ["ads"]
privacy = "prefix"

[[policy]]
name = "pseudonyms"
lists = ["ads"]
privacy = "pseudonym"

[[group]]
name = "kids"
clients = ["10.53.77.0/24"]
policy = "whole"
self_service = true

[[group]]
name = "adults"
clients = ["10.53.78.0/24"]
policy = "whole"

[[group]]
name = "shared"
clients = ["10.53.79.0/24"]
policy = "networks"
self_service = true

[[group]]
name = "hidden"
clients = ["10.53.80.0/24"]
policy = "pseudonyms"
self_service = true
"""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.token = cls.weir.done("token", "add", "alice", "--role", "admin").out.strip()

    def fetch(self, source: str, path: str = "/decisions.json", form: dict | None = None, headers: dict | None = None):
        connection = http.client.HTTPConnection(RESOLVER, PAGE_PORT, timeout=30, source_address=(source, 0))
        sent = dict(headers or {})
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request("GET" if form is None else "POST", path, urlencode(form) if form is not None else None, sent)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def names(self, source: str) -> set[str]:
        status, body = self.fetch(source)
        self.assertEqual(status, 200, body)
        return {row["name"] for row in json.loads(body)["rows"]}

    def look_up(self, source: str, name: str) -> None:
        """Returns when the log has it; asked as the administrator, who sees everybody's."""
        self.assertEqual(self.weir.ask(name, source=source).data("A"), NULL)
        dns.wait_until(lambda: self.weir.done("log", "search", "--name", name, "--json").json["rows"], PATIENCE_SECONDS,
                       f"{name} is in the log", every=0.1)

    def test_each_sees_its_own_and_no_other(self):
        for one, other, first, second in [(KID, OTHER_KID, "s1.bulk.test", "s2.bulk.test"),
                                          (HIDDEN, OTHER_HIDDEN, "s3.bulk.test", "s4.bulk.test")]:
            with self.subTest(client=one):
                self.look_up(one, first)
                self.look_up(other, second)
                self.assertIn(first, self.names(one))
                self.assertNotIn(second, self.names(one))
                self.assertIn(second, self.names(other))
                self.assertNotIn(first, self.names(other))
        forged = {"X-Forwarded-For": KID, "Forwarded": f"for={KID}", "X-Real-IP": KID}
        _, body = self.fetch(OTHER_KID, headers=forged)
        self.assertNotIn("s1.bulk.test", body)
        status, page = self.fetch(KID, "/")
        self.assertEqual(status, 200)
        for part in ("s1.bulk.test", "ads", "advertising", "ask Alice, room 7", "This is wrong", KID):
            self.assertIn(part, page)
        self.assertNotIn("<script", page)

    def test_who_has_no_page_is_told_why(self):
        for source, why in [(ADULT, "not offered"), (SHARED, "cannot be told from your neighbours")]:
            self.weir.ask("s5.bulk.test", source=source)
            for path in ("/", "/decisions.json"):
                status, body = self.fetch(source, path)
                self.assertEqual(status, 403, body)
                self.assertIn(why.replace("'", "&#39;") if path == "/" else why, body)
                self.assertNotIn("s5.bulk.test", body)
            self.assertEqual(self.fetch(source, "/wrong", {"name": "s5.bulk.test"})[0], 403)

    def test_what_is_wrong_is_filed_and_answered(self):
        admin = Client("127.0.0.1", API_PORT, self.token)
        self.look_up(KID, "s6.bulk.test")
        self.look_up(KID, "s7.bulk.test")
        self.look_up(HIDDEN, "s8.bulk.test")
        for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            self.assertEqual(self.fetch(KID, "/wrong", {"name": "s6.bulk.test"}, headers)[0], 403, headers)
        self.assertEqual(self.fetch(KID, headers={"Host": "evil.example"})[0], 421)
        status, body = self.fetch(KID, "/wrong", {"name": "s8.bulk.test"})
        self.assertEqual(status, 404, f"somebody else's: {body}")
        def listed() -> list[dict]:
            return [each for each in admin.get("/requests").json["requests"] if each["client"] != OTHER_KID]
        self.assertEqual(listed(), [])

        same = {"Origin": f"http://{RESOLVER}:{PAGE_PORT}", "Sec-Fetch-Site": "same-origin"}
        status, page = self.fetch(KID, "/wrong", {"name": "s6.bulk.test", "remark": "my \u202ehomework"}, same)
        self.assertEqual(status, 200, page)
        self.assertIn("was passed on", page)
        self.fetch(KID, "/wrong", {"name": "s6.bulk.test"})
        self.fetch(KID, "/wrong", {"name": "s7.bulk.test"})
        self.fetch(HIDDEN, "/wrong", {"name": "s8.bulk.test"})
        filed = {each["name"]: each for each in listed()}
        self.assertEqual(set(filed), {"s6.bulk.test", "s7.bulk.test", "s8.bulk.test"})
        first = filed["s6.bulk.test"]
        self.assertEqual((first["client"], first["group"], first["decision"]["list"]), (KID, "kids", "ads"))
        self.assertEqual(first["trace"]["results"][0]["outcome"], "blocked")
        self.assertNotIn("\u202e", first["remark"])
        hidden = json.dumps(filed["s8.bulk.test"])
        self.assertNotIn(HIDDEN, hidden, "never more than the log keeps")
        self.assertRegex(filed["s8.bulk.test"]["client"], "^p-[0-9a-f]{16}$")

        self.assertRegex(self.weir.done("status").out, r"(?m)^\d+ requests of filtered people")
        done = self.weir.done("request", "accept", first["id"], "--for", "10m", "--reason", "for school")
        self.assertIn("accepted", done.out)
        self.weir.until("s6.bulk.test", BULK, source=KID)
        self.assertEqual(self.weir.ask("s6.bulk.test", source=ADULT).data("A"), NULL, "for the group alone")
        ruled = admin.post(f"/requests/{filed['s8.bulk.test']['id']}/accept", rule=True, scope="group")
        self.assertEqual(ruled.status, 200, ruled)
        self.weir.until("s8.bulk.test", BULK, source=HIDDEN)
        self.weir.done("request", "refuse", filed["s7.bulk.test"]["id"], "--reason", "not for you")
        again = self.weir.command("request", "refuse", first["id"])
        self.assertEqual(again.status, 3, again)
        mine = {each["name"]: each for each in json.loads(self.fetch(KID)[1])["requests"]}
        self.assertEqual({name: (each["state"], each["answer"]) for name, each in mine.items()},
                         {"s6.bulk.test": ("accepted", "for school"), "s7.bulk.test": ("refused", "not for you")})
        self.assertFalse(set(mine) & {each["name"] for each in json.loads(self.fetch(OTHER_KID)[1])["requests"]})
        told = [(each["what"], each["why"]) for each in self.weir.done("audit", "show", "--json").json["records"]]
        self.assertTrue([each for each in told if "for school" in each[1]], told)
        self.assertIn(("request refuse", "not for you"), told)

    def test_requests_of_one_client_are_few(self):
        for number in range(10, 17):
            self.look_up(OTHER_KID, f"s{number}.bulk.test")
        answers = [self.fetch(OTHER_KID, "/wrong", {"name": f"s{number}.bulk.test"})[0] for number in range(10, 17)]
        self.assertEqual(answers, [200] * 5 + [429] * 2)
