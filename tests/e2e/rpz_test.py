"""A response policy zone from a file: what its records make of answers."""

from tests.e2e.case import BULK, NULL, PARKED, Case

ZONE = """\
$ORIGIN policy.zone.
$TTL 60
@ SOA ns host ( 2026112601 ; serial
    1h 15m 30d 2h )
  NS ns
nx.bulk.test              CNAME .
*.nx.bulk.test            CNAME .
empty.bulk.test           CNAME *.
*.below.bulk.test         CNAME *.
good.ads.example          CNAME rpz-passthru.
data.bulk.test            A 192.0.2.80
                          A 192.0.2.81
                          TXT ( "one ("
                                "two" )
24.0.113.0.203.rpz-ip     CNAME *.
out.of.zone.              CNAME .
broken                    A nonsense
x.rpz-nosuch              CNAME .
"""


class RpzTest(Case):
    LISTS = {"policy.zone": ZONE, "ads.adblock": "||ads.example^\n"}
    BODY = """
[[list]]
name = "zone"
source = "{lists}/policy.zone"
kind = "rpz"

[[list]]
name = "ads"
source = "{lists}/ads.adblock"

[[policy]]
name = "default"
lists = ["zone", "ads"]
"""

    # SEMANTICS 2 RPZ: Owners relative to the zone's SOA owner.
    def test_records_say_what_becomes_of_names(self) -> None:
        self.shows(("nx.bulk.test", "A", "NXDOMAIN"), ("x.nx.bulk.test", "A", "NXDOMAIN"),
                   ("empty.bulk.test", "A", []), ("x.empty.bulk.test", "A", BULK),
                   ("below.bulk.test", "A", BULK), ("x.below.bulk.test", "A", []),
                   ("suspect.shop.example", "A", []), ("other.bulk.test", "A", BULK))

    # SEMANTICS 3: (an RPZ passthru does not open plain lists)
    def test_passthru_opens_no_plain_list(self) -> None:
        self.shows(("good.ads.example", "A", NULL))

    # SEMANTICS 2 RPZ: Zone names that collide with a real TLD must not leak into resolution.
    def test_the_zone_itself_is_no_data(self) -> None:
        for name in ("policy.zone", "ns.policy.zone", "nx.bulk.test.policy.zone"):
            for type in ("A", "SOA", "NS"):
                answer = self.weir.ask(name, type)
                self.assertEqual((answer.rcode, answer.ede), ("NXDOMAIN", []), f"{name} {type}")

    # SEMANTICS 2 RPZ: A duplicate, an out-of-zone owner, DNSSEC records, an unknown `rpz-` label: count, keep going
    def test_faults_are_counted(self) -> None:
        shown = self.weir.done("list", "check", str(self.lists / "policy.zone"), "--kind", "rpz", "--json").json
        self.assertEqual(shown["buckets"] | {"rule": 0, "comment": 0},
                         {"rule": 0, "comment": 0, "header": 5, "invalid_address": 1, "out_of_zone": 1,
                          "unsupported_rpz": 1})
        self.assertEqual(shown["serial"], 2026112601)
        self.assertEqual(sum(shown["buckets"].values()), shown["lines"])
