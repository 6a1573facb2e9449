"""Zone transfers over TLS (RFC 9103), in and out, with BIND on the other side."""

from __future__ import annotations

import os
from pathlib import Path

from tests.e2e.case import BULK, Case
from tests.support import dns, namespace
from tests.support.bind import Bind
from tests.support.certificates import Authority
from tests.support.primaries import SECRET, zone_text

OURS, BIND = "10.79.0.53", "10.79.0.2"
KEY = "tls.key"


class TransferTlsTest(Case):
    START = False
    @classmethod
    def setUpClass(cls) -> None:
        namespace.add_addresses(OURS, BIND)
        root = Path(os.environ["WEIR_E2E_FOLDER"]) / f"{cls.__name__}-keys"
        authority = Authority(root, "authority")
        Authority(root, "other")
        cls.authority, cls.other = authority.file, root / "other.pem"
        primary, ours = authority.issue("primary", "DNS:primary.test"), authority.issue("ours", f"IP:{OURS}", "DNS:weir.test")
        cls.ours = root / "served.pem"  # replaced by a test
        cls.ours.write_bytes(ours.read_bytes())
        secret = root / "secret"
        secret.write_text(SECRET)
        secret.chmod(0o600)
        zone = root / "in.zone"
        zone.write_text(zone_text(1, {"in.bulk.test": "192.0.2.5"}))
        cls.LISTS = {"ads.domains": "out.bulk.test\n"}
        cls.BODY = f"""
[transfer]
listen = ["{OURS}"]
listen_tls = ["{OURS}"]
certificate = "{cls.ours}"
certificate_key = "{cls.ours}"

[[tsig_key]]
name = "{KEY}"
secret_file = "{secret}"

[[list]]
name = "in"
zone = "in.rpz"
primaries = ["{BIND}"]
tsig_key = "{KEY}"
tls = true
tls_name = "primary.test"
tls_ca = "{cls.authority}"

[[list]]
name = "ads"
source = "{{lists}}/ads.domains"

[[policy]]
name = "default"
lists = ["in", "ads"]

[[serve]]
name = "out.rpz"
list = "ads"
tsig_key = "{KEY}"
notify = ["{BIND}"]
"""
        folder = Path(os.environ["WEIR_E2E_FOLDER"]) / f"{cls.__name__}-bind"
        bind = Bind(folder, BIND, cls.hints(), None,
                    options=f'  listen-on port 853 tls "primary" {{ {BIND}; }};\n'
                            '  response-policy { zone "out.rpz"; } break-dnssec yes qname-wait-recurse no '
                            'min-update-interval 0;\n',
                    zones=f'tls "primary" {{ key-file "{primary}"; cert-file "{primary}"; protocols {{ TLSv1.3; }}; }};\n'
                          f'tls "weir" {{ ca-file "{cls.authority}"; remote-hostname "weir.test"; }};\n'
                          f'key "{KEY}" {{ algorithm hmac-sha256; secret "{SECRET}"; }};\n'
                          f'zone "in.rpz" {{ type primary; file "{zone}"; '
                          f'allow-transfer port 853 transport tls {{ key "{KEY}"; }}; }};\n'
                          f'zone "out.rpz" {{ type secondary; primaries {{ {OURS} port 853 key "{KEY}" tls "weir"; }}; '
                          f'file "{folder}/out"; masterfile-format text; }};\n')
        super().setUpClass()
        # Weir first: BIND takes no notice of a NOTIFY right behind a connection that was refused.
        cls.weir.start()
        bind.__enter__()
        cls.addClassCleanup(bind.__exit__, None, None, None)
        cls.await_lists()

    def test_1_a_zone_comes_over_tls(self) -> None:
        self.shows(("in.bulk.test", "A", ["192.0.2.5"]))
        self.assertIn(f"axfr+tls://{BIND}:853/in.rpz", self.weir.done("list", "show", "in").out)

    def test_2_whose_certificate_is_wrong_gives_nothing(self) -> None:
        good = self.weir.body
        for before, after, told in (("primary.test", "other.test", "hostname mismatch"),
                                    (f'tls_ca = "{self.authority}"', f'tls_ca = "{self.other}"', "the certificate is not good"),
                                    (f'tls_ca = "{self.authority}"', 'tls_ca = "/nowhere.pem"', "cannot use /nowhere.pem")):
            with self.subTest(told=told):
                self.weir.write_config(good.replace(before, after))
                self.weir.done("reload")
                ran = self.weir.command("list", "update", "in")
                self.assertNotEqual(ran.status, 0)
                self.assertIn(told, ran.err)
                self.shows(("in.bulk.test", "A", ["192.0.2.5"]))
        self.weir.write_config(good)
        self.weir.done("reload")
        self.weir.done("list", "update", "in")

    def follows(self, name: str) -> None:
        dns.wait_until(lambda: dns.ask((BIND, 53), name, source=OURS).rcode == "NXDOMAIN", 30, f"BIND denies {name}")

    def test_3_a_zone_goes_over_tls(self) -> None:
        self.follows("out.bulk.test")
        self.assertEqual(dns.ask((BIND, 53), "x.out.bulk.test", source=OURS).data("A"), BULK)
        self.write_list("ads.domains", "out.bulk.test\nmore.bulk.test\n")
        self.weir.done("list", "update", "ads")
        self.follows("more.bulk.test")
        self.assertGreaterEqual(self.transfers()["incremental"], 1)

    def transfers(self) -> dict:
        return self.weir.done("zone", "show", "--json").json["zones"][0]["transfers"]

    def test_4_without_a_good_certificate_nothing_goes(self) -> None:
        before = self.transfers()
        self.ours.write_text("none")
        self.write_list("ads.domains", "out.bulk.test\nmore.bulk.test\nlast.bulk.test\n")
        self.weir.done("list", "update", "ads")
        dns.wait_until(lambda: f"cannot use {self.ours} for TLS" in self.weir.sidecar.output(), 30, "it is told")
        after = self.transfers()
        self.assertEqual((after["whole"], after["incremental"]), (before["whole"], before["incremental"]))
