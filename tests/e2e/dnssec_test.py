"""Validation, by real servers and real signatures: what is secure, insecure and bogus, and what clients see of it.

One table holds what is asked, and what the zones of tests/support/signed_internet.py make of it. Each row is asked with
every set of header bits, cold and from the cache, of weir and of Unbound.
"""

import os
import re
import subprocess
import unittest
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.case import NULL, Case
from tests.support import clients, dns
from tests.support.daemons import RESOLVER
from tests.support.signed_internet import SignedInternet
from tests.support.small_internet import RESOLVER as ADDRESS
from tests.support.unbound import Unbound

REFUSED = 3  # exit status: input or configuration refused
UNBOUND = "10.54.0.53"

SECURE, INSECURE, BOGUS = "secure", "insecure", "bogus"
NX, OK = "NXDOMAIN", "NOERROR"

# RFC 8914
NO_ALGORITHM, NO_DIGEST, IS_BOGUS, EXPIRED, NOT_YET = 1, 2, 6, 7, 8
NO_DNSKEY, NO_RRSIG, NO_NSEC, ITERATIONS = 9, 10, 12, 27
BLOCKED = 15

internet: SignedInternet


def setUpModule() -> None:
    global internet
    internet = SignedInternet(Path(os.environ["WEIR_E2E_FOLDER"]) / "signed")
    internet.__enter__()


def tearDownModule() -> None:
    internet.__exit__()


# ---- what is asked ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    name: str
    type: str
    security: str
    rcode: str = OK  # of the data; who does not set CD gets SERVFAIL for what is bogus
    data: tuple[str, ...] | None = ()  # of the type asked for, in the answer; none: whatever there is
    ede: int | None = None
    proof: bool = False  # NSEC or NSEC3 have to come with it, for those who set DO

    @property
    def status(self) -> str:
        return "SERVFAIL" if self.security == BOGUS else self.rcode


def worst(*securities: str) -> str:
    return max(securities, key=[SECURE, INSECURE, BOGUS].index)


def full(zone: str, positive: str = SECURE, *, ede: int | None = None, matching: str | None = None,
         covering: str | None = None, proof_ede: int | None = None, no_name: str = NX) -> list[Row]:
    """A zone with the records of FULL. Denials are by records that match a name or cover it; without a word they are
    as good as the data."""
    matching = matching or positive
    covering = covering or positive
    proofs = positive != INSECURE
    of_match = proof_ede if matching != SECURE else None
    of_cover = proof_ede if covering != SECURE else None

    def data(name: str, type: str, *values: str) -> Row:
        return Row(name + zone, type, positive, OK, values or None, ede)

    def matched(name: str, type: str) -> Row:
        return Row(name + zone, type, matching, OK, (), of_match or ede, proofs)

    def covered(name: str, type: str, rcode: str, *values: str) -> Row:
        # Who signs while he answers gives what a wildcard makes a signature of its own.
        proof = proofs and not (values and no_name == OK)
        return Row(name + zone, type, worst(positive, covering), rcode, values, of_cover or ede, proof)

    return [
        data("www.", "A", "192.0.2.1", "192.0.2.2"), data("www.", "AAAA", "2001:db8::1"), data("", "TXT", "an apex"),
        data("", "MX", f"10 www.{zone}."), data("", "SOA"), data("", "NS"), data("www.", "ANY"),
        data("alias.", "A", "192.0.2.1", "192.0.2.2"), data("chain.", "A", "192.0.2.1", "192.0.2.2"),
        data("alias.", "CNAME", f"www.{zone}."),
        data("b.ent.", "TXT", "below an empty non-terminal"), data("fixed.wild.", "A", "192.0.2.4"),
        data("*.wild.", "A", "192.0.2.3"),
        matched("www.", "TXT"), matched("ent.", "A"), matched("wild.", "A"),
        covered("nothing.", "A", no_name), covered("a.b.c.", "A", no_name), covered("x.fixed.wild.", "A", no_name),
        covered("dangling.", "A", no_name),
        covered("a.wild.", "A", OK, "192.0.2.3"), covered("a.b.c.wild.", "A", OK, "192.0.2.3"),
        covered("a.wildalias.", "A", OK, "192.0.2.1", "192.0.2.2"), covered("a.wild.", "TXT", OK),
    ]


def small(zone: str, security: str = SECURE, ede: int | None = None) -> list[Row]:
    """A zone with one name, www."""
    proof = security == SECURE
    return [Row(f"www.{zone}", "A", security, OK, ("192.0.2.1",), ede),
            Row(f"www.{zone}", "TXT", security, OK, (), ede, proof),
            Row(f"nothing.{zone}", "A", security, NX, (), ede, proof), Row(zone, "SOA", security, OK, None, ede)]


def ds(zone: str, security: str = SECURE, ede: int | None = None, *, there: bool = True) -> Row:
    return Row(zone, "DS", security, OK, None if there else (), ede, not there and security != BOGUS)


TABLE = [
    *full("nsec.test"), *full("nsec3.test"), *full("signed.nsec.test"), *full("salted.test"), *full("knot.test"),
    # Compact denial: a name that does not exist has no data (RFC 9824).
    *full("online.test", no_name=OK),
    *full("unsigned.test", INSECURE), *full("unsigned.nsec.test", INSECURE),
    # RFC 5155 section 9.2: what an opt-out record covers may be an unsigned delegation.
    *full("optout.test", covering=INSECURE),
    *full("many.test", matching=INSECURE, covering=INSECURE, proof_ede=ITERATIONS),
    *full("toomany.test", matching=INSECURE, covering=INSECURE, proof_ede=ITERATIONS),
    *full("nonsec.test", matching=BOGUS, covering=BOGUS, proof_ede=NO_NSEC),
    *full("nonsec3.test", matching=BOGUS, covering=BOGUS, proof_ede=NO_NSEC),
    *full("island.plain", INSECURE),
    *(row for zone in ("rsasha1", "rsasha256", "rsasha512", "p384", "ed25519", "ed448", "sha1ds")
      for row in [*small(f"{zone}.test"), ds(f"{zone}.test"), Row(f"{zone}.test", "DNSKEY", SECURE, OK, None)]),
    *(row for zone in ("signed.nsec3.test", "signed.optout.test", "signed.many.test")
      for row in [*small(zone), ds(zone)]),
    *small("test"), *small(""), *small("plain", INSECURE),
    # Unsigned delegations: DS is the parent's to deny.
    ds("plain", there=False), ds("unsigned.test", there=False), ds("unsigned.nsec.test", there=False),
    *small("unsigned.nsec3.test", INSECURE), ds("unsigned.nsec3.test", there=False),
    *small("unsigned.optout.test", INSECURE), ds("unsigned.optout.test", INSECURE, there=False),
    *small("listed.optout.test", INSECURE), ds("listed.optout.test", there=False),
    *small("unsigned.many.test", INSECURE, ITERATIONS), ds("unsigned.many.test", INSECURE, ITERATIONS, there=False),
    Row("island.plain", "DS", INSECURE), Row("unsigned.test", "DNSKEY", INSECURE),
    Row("", "DS", SECURE, proof=True), Row("www.nsec.test", "DS", SECURE, proof=True),
    # Algorithms that nobody knows (RFC 4035 section 5.2).
    *small("nodigest.test", INSECURE, NO_DIGEST), ds("nodigest.test"),
    *small("noalgorithm.test", INSECURE, NO_ALGORITHM), ds("noalgorithm.test"),
    # DNSSEC's own types
    Row("", "DNSKEY", SECURE, OK, None), Row("test", "DNSKEY", SECURE, OK, None), ds("test"), ds("nsec.test"),
    Row("nsec.test", "DNSKEY", SECURE, OK, None), Row("www.nsec.test", "NSEC", SECURE, OK, None),
    # RFC 4035 section 2.2: signatures are not signed.
    Row("www.nsec.test", "RRSIG", INSECURE, OK, None), Row("www.expired.test", "RRSIG", INSECURE, OK, None),
    Row("nsec3.test", "NSEC3PARAM", SECURE, OK, None), Row("knot.test", "DNSKEY", SECURE, OK, None),
    # Broken as a whole: each name of theirs; that they are zones with a DS is as good as ever.
    *small("expired.test", BOGUS, EXPIRED), ds("expired.test"), Row("expired.test", "DNSKEY", BOGUS, OK, None, EXPIRED),
    *small("future.test", BOGUS, NOT_YET), ds("future.test"),
    *small("wrongds.test", BOGUS, NO_DNSKEY), ds("wrongds.test"),
    Row("wrongds.test", "DNSKEY", BOGUS, OK, None, NO_DNSKEY),
    *small("child.wrongds.test", BOGUS, NO_DNSKEY), ds("child.wrongds.test", BOGUS, NO_DNSKEY),
    *small("nokey.test", BOGUS, NO_DNSKEY), Row("nokey.test", "DNSKEY", BOGUS, OK, (), NO_DNSKEY),
    *small("unsignedkey.test", BOGUS, NO_RRSIG), *small("bare.test", BOGUS, NO_DNSKEY),
    *small("child.nodssig.test", BOGUS, NO_RRSIG), ds("child.nodssig.test", BOGUS, NO_RRSIG), *small("nodssig.test"),
    *small("unsigned.nonsec.test", BOGUS, NO_NSEC), ds("unsigned.nonsec.test", BOGUS, NO_NSEC, there=False),
    # Broken in one place: the rest is good.
    Row("www.broken.nsec.test", "A", BOGUS, OK, ("192.0.2.66",), IS_BOGUS),
    Row("nothing.broken.nsec.test", "A", SECURE, NX, proof=True),
    Row("www.times.test", "A", SECURE, OK, ("192.0.2.1",)),
    Row("expired.times.test", "A", BOGUS, OK, ("192.0.2.1",), EXPIRED),
    Row("future.times.test", "A", BOGUS, OK, ("192.0.2.1",), NOT_YET),
    Row("good.stripped.test", "A", SECURE, OK, ("192.0.2.1",)),
    Row("www.stripped.test", "A", BOGUS, OK, ("192.0.2.1",), NO_RRSIG),
    # Neither the address nor the NSEC that says that there is no zone cut is signed.
    Row("all.stripped.test", "A", BOGUS, OK, ("192.0.2.1",), NO_NSEC),
    Row("good.tampered.test", "A", SECURE, OK, ("192.0.2.1",)),
    Row("www.tampered.test", "A", BOGUS, OK, ("192.0.2.66",), IS_BOGUS),
    Row("www.tampered.test", "TXT", SECURE, proof=True),
    Row("www.tamperednsec.test", "A", SECURE, OK, ("192.0.2.1",)),
    Row("www.tamperednsec.test", "TXT", BOGUS, OK, (), IS_BOGUS),
    # Over zone cuts: an answer is as good as its worst link.
    Row("tonsec3.nsec.test", "A", SECURE, OK, ("192.0.2.1", "192.0.2.2")),
    Row("toinsecure.nsec.test", "A", INSECURE, OK, ("192.0.2.1", "192.0.2.2")),
    Row("tosecure.unsigned.test", "A", INSECURE, OK, ("192.0.2.1", "192.0.2.2")),
    Row("tobogus.nsec.test", "A", BOGUS, OK, ("192.0.2.66",), IS_BOGUS),
    Row("tobogus.unsigned.test", "A", BOGUS, OK, ("192.0.2.66",), IS_BOGUS),
    Row("toblocked.tampered.test", "A", BOGUS, OK, ("192.0.2.9",), IS_BOGUS),
    Row("tononsec.nsec.test", "A", BOGUS, NX, (), NO_NSEC),
    Row("tomany.nsec.test", "A", INSECURE, NX, (), ITERATIONS, proof=True),
    Row("tobogus.nsec.test", "CNAME", SECURE, OK, ("www.tampered.test.",)),
    # RFC 6672: the CNAME that a DNAME makes is not signed.
    Row("www.dname.nsec.test", "A", SECURE, OK, ("192.0.2.1", "192.0.2.2")),
    Row("nothing.dname.nsec.test", "A", SECURE, NX, proof=True),
    Row("dname.nsec.test", "DNAME", SECURE, OK, ("nsec3.test.",)),
    Row("dname.nsec.test", "A", SECURE, proof=True),
    Row("www.dnameinsecure.nsec.test", "A", INSECURE, OK, ("192.0.2.1", "192.0.2.2")),
    Row("www.dnamebogus.nsec.test", "A", BOGUS, OK, ("192.0.2.66",), IS_BOGUS),
    Row("www.dname.tampereddname.test", "A", BOGUS, OK, ("192.0.2.1", "192.0.2.2"), IS_BOGUS),
]

# Where Unbound 1.17 says something else, and why weir does not: name, type, Unbound's RCODE and AD.
_ITERATIONS = ("RFC 9276 section 3.2 lets a validator take more iterations than it likes for insecure: weir more than "
               "50, Unbound 1.17 more than 150")
DIFFERENCES = [
    *((name, type, rcode, True, _ITERATIONS) for name, type, rcode in [
        ("www.many.test", "TXT", OK), ("ent.many.test", "A", OK), ("wild.many.test", "A", OK),
        ("nothing.many.test", "A", NX), ("a.b.c.many.test", "A", NX), ("x.fixed.wild.many.test", "A", NX),
        ("dangling.many.test", "A", NX), ("a.wild.many.test", "A", OK), ("a.b.c.wild.many.test", "A", OK),
        ("a.wildalias.many.test", "A", OK), ("a.wild.many.test", "TXT", OK), ("unsigned.many.test", "DS", OK),
        ("tomany.nsec.test", "A", NX)]),
]

DNSSEC_TYPES = {"RRSIG", "NSEC", "NSEC3"}


# ---- tests --------------------------------------------------------------------------------------------------------


class Signed(Case):
    """weir in the signed internet."""

    @classmethod
    def hints(cls) -> Path:
        return internet.hints

    @classmethod
    def trust_anchor(cls) -> Path | None:
        return internet.anchor

    def restart(self) -> None:
        """With nothing in its caches."""
        self.assertEqual(self.weir.resolver.stop(), 0, self.weir.resolver.output())
        self.weir.resolver.start()

    def ask(self, row: Row, **options) -> dns.Answer:
        answer = self.weir.ask(row.name, row.type, **options)
        if answer.truncated:
            answer = self.weir.ask(row.name, row.type, tcp=True, **options)
        return answer

    def check_data(self, row: Row, answer: dns.Answer) -> None:
        text = str(answer)
        self.assertEqual(answer.rcode, row.rcode, text)
        if row.type == "ANY":
            self.assertTrue(answer.answer, text)
        elif row.data is None:
            self.assertTrue(answer.data(row.type), text)
        else:
            self.assertEqual(answer.data(row.type), sorted(row.data), text)

    def check_signatures(self, row: Row, answer: dns.Answer) -> None:
        """Each RRset of the answer is signed, but for the CNAME that a DNAME made; what is denied is proven."""
        text = str(answer)
        dnames = [record.name for record in answer.answer if record.type == "DNAME"]
        for section in (answer.answer, answer.authority):
            signed = {(record.name, record.data.split()[0]) for record in section if record.type == "RRSIG"}
            there = {(record.name, record.type) for record in section if record.type != "RRSIG"}
            made = {(name, type) for name, type in there
                    if type == "CNAME" and any(name.endswith("." + dname) for dname in dnames)}
            self.assertEqual(there - made, signed, text)
        if row.proof:
            self.assertTrue({record.type for record in answer.authority} & {"NSEC", "NSEC3"}, text)

    def check_soa(self, answer: dns.Answer) -> None:
        """RFC 2308 section 3: without it nobody may cache the denial, and BIND takes it for malformed."""
        self.assertEqual([record.type for record in answer.authority].count("SOA"), 1, str(answer))

    def check(self, row: Row, *, do: bool = False, cd: bool = False, ad: bool = False, **options) -> dns.Answer:
        """All that one answer has to be, for these bits of the question."""
        answer = self.ask(row, do=do, cd=cd, ad=ad, **options)
        text = str(answer)
        self.assertEqual(answer.do, do, text)  # RFC 3225 section 3
        self.assertEqual(answer.checking_disabled, cd, text)  # RFC 4035 section 3.2.2
        if not cd and row.security == BOGUS:
            self.assertEqual((answer.rcode, answer.answer, answer.authority), ("SERVFAIL", [], []), text)
        else:
            self.check_data(row, answer)
        # RFC 6840 section 5.7: for those who set DO or AD. For CD nobody looks, but it may be known from before.
        good = row.security == SECURE and (do or ad)
        self.assertIn(answer.authentic, {good, good and not cd}, text)
        if answer.rcode != "SERVFAIL" and row.data == ():
            self.check_soa(answer)
        # Nobody looked for CD, but for insecure data the reason may be known from before.
        expected = [row.ede] if row.ede and not (cd and row.security == BOGUS) else []
        self.assertIn([code for code, _ in answer.ede], [expected, []] if cd else [expected], text)
        if not do:
            extra = {record.type for record in answer.answer + answer.authority} & DNSSEC_TYPES - {row.type}
            self.assertEqual(extra, {"RRSIG"} & extra if row.type == "ANY" else set(), text)
        elif row.security == SECURE:
            self.check_signatures(row, answer)
        return answer

    def check_table(self, rows: list[Row] = TABLE, **bits) -> None:
        for row in rows:
            with self.subTest(name=row.name, type=row.type, **bits):
                self.check(row, **bits)


class ValidationTest(Signed):
    def test_table(self):
        self.restart()
        for again in (False, True):
            with self.subTest(again=again):
                self.check_table(do=True)

    def test_last_rows_first(self):
        """No verdict comes from what happened to be in the cache."""
        self.restart()
        self.check_table(TABLE[::-1], do=True)

    def test_unchecked_data_is_checked_when_asked_for(self):
        """RFC 4035 section 3.2.2: CD's data enters the cache, and must not leave it for those who want it checked."""
        self.restart()
        for bits in ({"cd": True}, {"do": True, "cd": True}, {"ad": True}, {"do": True}):
            self.check_table(**bits)

    def test_checked_data_for_those_who_check(self):
        self.restart()
        for bits in ({}, {"cd": True, "ad": True}, {"do": True, "ad": True}, {"do": True, "cd": True}):
            self.check_table(**bits)

    def test_over_tcp(self):
        self.check_table(do=True, tcp=True)

    def test_without_edns(self):
        for row in TABLE:
            with self.subTest(name=row.name, type=row.type):
                answer = self.ask(row, edns=False, ad=True)
                self.assertEqual((answer.rcode, answer.authentic), (row.status, row.security == SECURE), str(answer))

    def test_reason_is_told(self):
        for name, words in [("www.expired.test", "expired.test"), ("www.tampered.test", "www.tampered.test/A"),
                            ("www.wrongds.test", "DS"), ("nothing.nonsec.test", "no proof")]:
            self.assertIn(words, self.weir.ask(name).ede[0][1])

    def test_long_signed_answer(self):
        truncated = self.weir.ask("long.nsec.test", "TXT", do=True)
        self.assertTrue(truncated.truncated)
        whole = self.weir.ask("long.nsec.test", "TXT", do=True, tcp=True)
        self.assertTrue(whole.authentic, str(whole))
        self.check_signatures(Row("long.nsec.test", "TXT", SECURE), whole)

    def test_dig_and_kdig(self):
        for client in (clients.dig, clients.kdig):
            with self.subTest(client=client.__name__):
                secure = client(self.weir.server, "www.nsec.test", "A", "+dnssec")
                self.assertIn("ad", secure.flags, secure.text)
                self.assertEqual(len(secure.data("RRSIG")), 1, secure.text)
                self.assertNotIn("ad", client(self.weir.server, "www.unsigned.test", "A", "+dnssec").flags)
                bogus = client(self.weir.server, "www.expired.test", "A", "+dnssec")
                self.assertEqual((bogus.status, [code for code, _ in bogus.ede]), ("SERVFAIL", [EXPIRED]), bogus.text)
                unchecked = client(self.weir.server, "www.expired.test", "A", "+dnssec", "+cdflag")
                self.assertEqual((unchecked.status, unchecked.data("A"), "ad" in unchecked.flags),
                                 ("NOERROR", ["192.0.2.1"], False), unchecked.text)

    def test_denial_of_a_ds_has_a_soa(self):
        """What came with a referral denies the DS too, but has none."""
        self.restart()
        for name in ("unsigned.test", "unsigned.nsec3.test", "unsigned.optout.test", "plain"):
            self.weir.ask(f"www.{name}")
            self.check_soa(self.weir.ask(name, "DS", do=True))

    # Knot's mod-onlinesign refuses what it cannot sign.
    def test_refused_type_does_not_cost_the_zone(self):
        self.addCleanup(self.restart)
        self.restart()
        self.assertEqual(self.weir.ask("www.online.test").rcode, OK)
        self.assertEqual(self.weir.ask("www.online.test", "RRSIG").rcode, "SERVFAIL")
        self.assertEqual(self.weir.ask("alias.online.test").rcode, OK)

    def check_delv(self, *rows: tuple[str, str, str]) -> None:
        tag, algorithm, kind, digest = internet.anchor.read_text().split()[3:]
        anchor = self.folder / "delv.anchor"
        anchor.write_text(f'trust-anchors {{ . static-ds {tag} {algorithm} {kind} "{digest}"; }};\n')
        for name, type, words in rows:
            with self.subTest(name=name, type=type):
                ran = subprocess.run(["delv", f"@{ADDRESS}", "-a", str(anchor), "+root", name, type], text=True,
                                     capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
                self.assertIn(words, ran.stdout + ran.stderr)

    def test_delv_validates_through_weir(self):
        """A validator behind us gets all that it needs: data with CD, DS and DNSKEY, and every proof."""
        self.check_delv(
            ("www.nsec.test", "A", "; fully validated"), ("a.wild.nsec3.test", "A", "; fully validated"),
            ("nothing.nsec.test", "A", "; negative response, fully validated"),
            ("a.wild.nsec3.test", "TXT", "; negative response, fully validated"),
            ("nothing.nsec3.test", "A", "; negative response, fully validated"),
            ("www.dname.nsec.test", "A", "; fully validated"), ("www.knot.test", "A", "; fully validated"),
            ("www.tampered.test", "A", "resolution failed"), ("www.expired.test", "A", "resolution failed"),
            ("nothing.nonsec.test", "A", "resolution failed"))

    def test_delv_validates_that_a_zone_is_unsigned(self):
        """For the want of a SOA in the denial of the DS, BIND once said FORMERR."""
        self.restart()
        self.check_delv(("www.unsigned.test", "A", "; unsigned answer"),
                        ("www.unsigned.optout.test", "A", "; unsigned answer"))


class UnboundTest(Signed):
    def test_same_verdicts(self):
        """The same RCODE and AD for all that is asked, and the same answer; DIFFERENCES says where not, and must not
        say more than is so."""
        expected = {(name, type): (rcode, authentic) for name, type, rcode, authentic, _ in DIFFERENCES}
        found = {}
        with Unbound(self.folder / "unbound", UNBOUND, internet.hints, [internet.anchor]) as unbound:
            for row in TABLE:
                with self.subTest(name=row.name, type=row.type):
                    ours = self.ask(row, do=True)
                    theirs = unbound.ask(row.name, row.type, do=True, tcp=True)
                    if (ours.rcode, ours.authentic) != (theirs.rcode, theirs.authentic):
                        found[row.name, row.type] = (theirs.rcode, theirs.authentic)
                    if row.type != "ANY":
                        self.assertEqual({(r.name, r.type, r.data) for r in ours.answer},
                                         {(r.name, r.type, r.data) for r in theirs.answer}, f"{ours}\n{theirs}")
        self.assertEqual(found, expected)


class PolicyTest(Signed):
    """Policy and validation: a block needs no signature, and what is not blocked still needs one."""

    LISTS = {"names.domains": "blocked.nsec.test\nblocked.nsec3.test\nblocked.tampered.test\n",
             "networks.txt": "203.0.113.0/24\n"}
    BODY = """
[[list]]
name = "names"
source = "{lists}/names.domains"

[[list]]
name = "networks"
source = "{lists}/networks.txt"
kind = "address"

[[policy]]
name = "default"
lists = ["names", "networks"]
"""
    # name; what it is without CD, with CD: blocked, or addresses; none: SERVFAIL
    ROWS = [
        ("blocked.nsec.test", "blocked", "blocked"),
        ("blocked.tampered.test", "blocked", "blocked"),  # nobody finds out that it is bogus
        ("toblocked.nsec.test", "blocked", "blocked"),
        ("toblocked.tampered.test", None, "blocked"),  # a bogus alias says nothing of where it leads (SERVFAIL stays)
        ("address.tampered.test", None, "blocked"),  # only who gets the address needs protection from it
        ("www.tampered.test", None, ["192.0.2.66"]),
        ("www.expired.test", None, ["192.0.2.1"]),
        ("tobogus.nsec.test", None, ["192.0.2.66"]),
        ("www.nsec.test", ["192.0.2.1", "192.0.2.2"], ["192.0.2.1", "192.0.2.2"]),
    ]

    def test_bits_and_blocks(self):
        for again in (False, True):
            for do in (False, True):
                for cd in (False, True):
                    for name, checked, unchecked in self.ROWS:
                        with self.subTest(name=name, do=do, cd=cd, again=again):
                            self.check_row(name, unchecked if cd else checked, do=do, cd=cd)

    def check_row(self, name: str, expected, *, do: bool, cd: bool) -> None:
        answer = self.weir.ask(name, do=do, cd=cd, ad=True)
        codes = [code for code, _ in answer.ede]
        if expected == "blocked":
            self.assertEqual((answer.rcode, answer.data("A"), codes), ("NOERROR", NULL, [BLOCKED]), str(answer))
            self.assertEqual((answer.authentic, {record.type for record in answer.answer}), (False, {"A"}), str(answer))
        elif expected is None:
            self.assertEqual((answer.rcode, answer.answer, answer.authentic), ("SERVFAIL", [], False), str(answer))
            self.assertIn(codes, ([IS_BOGUS], [EXPIRED]), str(answer))
        else:
            self.assertEqual((answer.rcode, answer.data("A"), codes), ("NOERROR", expected, []), str(answer))
            self.assertIn(answer.authentic, {name == "www.nsec.test", name == "www.nsec.test" and not cd}, str(answer))
            self.assertEqual(bool(answer.data("RRSIG")), do, str(answer))

    def test_rule_that_comes_and_goes(self):
        """A rule holds for what lies in the cache, and what was bogus is bogus again without it."""
        for name, rcode, authentic in [("www.nsec3.test", "NOERROR", True), ("www.future.test", "SERVFAIL", False)]:
            with self.subTest(name=name):
                self.assertEqual(self.weir.ask(name, do=True).rcode, rcode)
                self.weir.done("rule", "add", name)
                answer = self.weir.until(name, NULL, do=True)
                self.assertFalse(answer.authentic, str(answer))
                self.weir.done("rule", "remove", name)
                answer = dns.wait_until(
                    lambda: (found := self.weir.ask(name, do=True)).data("A") != NULL and found, 5, f"{name} unblocked")
                self.assertEqual((answer.rcode, answer.authentic), (rcode, authentic), str(answer))


class DnskeyAnchorTest(Signed):
    """Two anchors in one file, as DNSKEY: the root's, and one below an unsigned zone."""

    @classmethod
    def trust_anchor(cls) -> Path:
        file = cls.folder / "anchors"
        file.write_text("; two\n" + internet.anchor_dnskey.read_text() + internet.anchor_island.read_text())
        return file

    def test_table(self):
        island = [*full("island.plain"), Row("island.plain", "DNSKEY", SECURE, OK, None)]
        self.check_table(island + [row for row in TABLE if not row.name.endswith("island.plain")], do=True)


class WrongAnchorTest(Signed):
    """A key that the root does not have: nothing can be believed, also not that something is unsigned."""

    @classmethod
    def trust_anchor(cls) -> Path:
        file = cls.folder / "anchor"
        file.write_text(" ".join([*internet.anchor.read_text().split()[:-1], "00" * 32]) + "\n")
        return file

    def test_nothing_is_secure(self):
        for name in ("www.nsec.test", "nothing.nsec3.test", "www.unsigned.test", "www.plain", "nothing"):
            with self.subTest(name=name):
                answer = self.weir.ask(name, do=True)
                codes = [code for code, _ in answer.ede]
                self.assertEqual((answer.rcode, codes), ("SERVFAIL", [NO_DNSKEY]), str(answer))
        unchecked = self.weir.ask("www.nsec.test", do=True, cd=True)
        self.assertEqual((unchecked.data("A"), unchecked.authentic), (["192.0.2.1", "192.0.2.2"], False))


class NotValidatingTest(Signed):
    @classmethod
    def trust_anchor(cls) -> None:
        return None

    def test_data_as_it_is(self):
        for row in TABLE:
            with self.subTest(name=row.name, type=row.type):
                answer = self.ask(row, do=True, ad=True)
                self.check_data(row, answer)
                self.assertEqual((answer.authentic, answer.ede), (False, []), str(answer))
        self.assertEqual(len(self.weir.ask("www.nsec.test", do=True).data("RRSIG")), 1)
        self.assertEqual(self.weir.ask("www.nsec.test").data("RRSIG"), [])


class BadAnchorTest(Signed):
    START = False

    GOOD = ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
    KEY = "oJMRESz5E4gYzS/q6XDrvU1qMPYIjCWzJaOau8XNEZeqCYKD5ar0IRd8KqXXFJkqmVfRvMGPmM1x8fGAa2XhSA=="
    FAULTS = [
        # the file, the line with the fault, what is said
        ("", 1, "no trust anchor"),
        ("; nothing but this\n", 1, "no trust anchor"),
        (". IN DS 20326 8 2 xyz\n", 1, ""),
        (GOOD + ". IN DS 20326 8\n", 2, ""),
        (GOOD + "\n; an address\nexample. IN A 192.0.2.1\n" + GOOD, 4, "DS or DNSKEY"),
        (GOOD + f". IN DNSKEY 385 3 13 {KEY}\n", 2, "revoked"),
        (f". IN DNSKEY 1 3 13 {KEY}\n", 1, "zone key"),
        (f". IN DNSKEY 257 2 13 {KEY}\n", 1, "zone key"),
        (". CH DS 20326 8 2 " + "ab" * 32 + "\n", 1, "class IN"),
        ("<html>\n<body>404 not found</body>\n", 1, ""),
        (GOOD + "$INCLUDE /etc/passwd\n", 2, ""),
        (GOOD + "\0\0\0\n", 2, ""),
    ]

    def refused(self, file: Path) -> str:
        config = self.folder / "bad.toml"
        config.write_text(re.sub(r"trust_anchors = .*", f'trust_anchors = ["{file}"]', self.weir.config.read_text()))
        ran = subprocess.run([str(RESOLVER), "--config", str(config)], capture_output=True, text=True, timeout=20,
                             stdin=subprocess.DEVNULL)
        self.assertEqual(ran.returncode, REFUSED, ran.stdout + ran.stderr)
        return ran.stdout + ran.stderr

    def test_message_names_file_line_and_column(self):
        for text, line, words in self.FAULTS:
            with self.subTest(text=text):
                file = self.folder / "bad.anchor"
                file.write_text(text)
                output = self.refused(file)
                self.assertIn(f"{file}:{line}:1: ", output)
                self.assertIn(words, output)

    def test_no_such_file(self):
        self.assertIn("none.anchor", self.refused(self.folder / "none.anchor"))
