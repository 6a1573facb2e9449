"""Zones beside those of signed_internet.py: each way of breaking names, delegations, keys, signatures and servers.

For each behaviour of odd_servers/ there are NAME.test, signed, and NAME.plain, unsigned.
"""

from __future__ import annotations

from tests.support import odd_servers
from tests.support.signed_internet import (FIRST, INNER, KNOT, NSEC3, SECOND, WWW, Edit, Lines, Zone, both, ds_with,
                                           tampered, without)

NOWHERE = "10.54.4.1"  # no such address: the system says so
LAME = KNOT  # serves none of these zones

# ---- signatures and keys ------------------------------------------------------------------------------------------

_RRSIG = ("covered", "algorithm", "labels", "ttl", "expiration", "inception", "tag", "signer", "signature")


def signature(at: str, type: str, **changes: str) -> Edit:
    """Fields of the signature over the records of one type."""
    def edit(lines: Lines) -> Lines:
        changed = []
        for line in lines:
            if line[0] == at and line[3] == "RRSIG" and line[4].startswith(type + " "):
                fields = dict(zip(_RRSIG, line[4].split()))
                line = [*line[:4], " ".join((fields | changes).values())]
            changed.append(line)
        return changed
    return edit


def another_signature(at: str, type: str, **changes: str) -> Edit:
    """Beside the good one."""
    def edit(lines: Lines) -> Lines:
        return lines + [line for line in signature(at, type, **changes)(lines) if line not in lines]
    return edit


def keys(old: str, new: str) -> Edit:
    """The beginning of each DNSKEY: flags, protocol, algorithm."""
    def edit(lines: Lines) -> Lines:
        return [[*line[:4], line[4].replace(old, new, 1)] if line[3] == "DNSKEY" and line[4].startswith(old) else line
                for line in lines]
    return edit


def denials(old: str, new: str) -> Edit:
    """In each NSEC and NSEC3, whose signatures are then wrong."""
    def edit(lines: Lines) -> Lines:
        return [[*line[:4], line[4].replace(old, new, 1)] if line[3] in ("NSEC", "NSEC3") else line for line in lines]
    return edit


WRONG_DIGEST = ds_with(digest="00" * 32)
WRONG_SIGNATURE = "A" * 86 + "=="


def _both_ds(first, second):
    return lambda ds: f"{first(ds)}\n{second(ds)}"


def _same(ds: str) -> str:
    return ds


def _bad(name: str, edit: Edit, records: str = "", **options) -> Zone:
    return Zone(name, WWW + "bad A 192.0.2.1\n" + records, fault=edit, **options)


KEYS = [
    Zone("dsgoodbad.test", WWW, ds=_both_ds(_same, WRONG_DIGEST)),
    Zone("dssha1.test", WWW, digest="-1", ds=_both_ds(_same, ds_with(digest_type="2", digest="11" * 32))),  # RFC 4509
    Zone("dsnewalg.test", WWW, ds=_both_ds(_same, ds_with(algorithm="251"))),
    Zone("dsnewdigest.test", WWW, ds=_both_ds(_same, ds_with(digest_type="251"))),
    Zone("dsnewdigestbad.test", WWW, ds=_both_ds(WRONG_DIGEST, ds_with(digest_type="251"))),
    Zone("dsotheralg.test", WWW, ds=_both_ds(_same, ds_with(algorithm="8", digest="22" * 32))),
    Zone("dsmismatch.test", WWW, ds=ds_with(algorithm="8")),  # of a key of another algorithm
    Zone("dslength.test", WWW, ds=ds_with(digest="33" * 20)),
    Zone("dsdsa.test", WWW, ds=ds_with(algorithm="3")),
    Zone("dsmd5.test", WWW, ds=ds_with(algorithm="1")),
    Zone("dsgost.test", WWW, ds=ds_with(digest_type="3")),
    Zone("revoked.test", WWW, fault=keys("257 ", "385 ")),
    Zone("protocol.test", WWW, fault=keys("257 3", "257 4")),
    Zone("zonebit.test", WWW, fault=both(keys("257 ", "1 "), keys("256 ", "0 "))),
    Zone("sep.test", WWW, fault=keys("256 ", "257 ")),
    _bad("signer.test", signature("bad.signer.test.", "A", signer="test.")),
    _bad("signerbelow.test", signature("bad.signerbelow.test.", "A", signer="bad.signerbelow.test.")),
    _bad("labels.test", signature("bad.labels.test.", "A", labels="2")),
    _bad("manylabels.test", signature("bad.manylabels.test.", "A", labels="4")),
    _bad("tag.test", signature("bad.tag.test.", "A", tag="1")),
    _bad("originalttl.test", signature("bad.originalttl.test.", "A", ttl="200")),
    _bad("unknownalg.test", signature("bad.unknownalg.test.", "A", algorithm="251")),
    _bad("cut.test", signature("bad.cut.test.", "A", signature="AAAA")),
    _bad("wrongsig.test", signature("bad.wrongsig.test.", "A", signature=WRONG_SIGNATURE)),
    _bad("twosigs.test", another_signature("bad.twosigs.test.", "A", signature=WRONG_SIGNATURE)),
    _bad("twosigstag.test", another_signature("bad.twosigstag.test.", "A", tag="1")),
    _bad("reversed.test", signature("bad.reversed.test.", "A", expiration="20200101000000",
                                    inception="20400101000000")),
    _bad("covers.test", signature("bad.covers.test.", "A", covered="TXT")),
    _bad("soasig.test", signature("soasig.test.", "SOA", signature=WRONG_SIGNATURE)),
    _bad("nssig.test", signature("nssig.test.", "NS", signature=WRONG_SIGNATURE)),
    _bad("glued.test", without("RRSIG:A", at="ns1.glued.test.")),
]

# ---- denial -------------------------------------------------------------------------------------------------------

DENIALS = [
    _bad("nsecgap.test", without("NSEC", "RRSIG:NSEC", at="bad.nsecgap.test.")),
    _bad("nsecapex.test", without("NSEC", "RRSIG:NSEC", at="nsecapex.test.")),
    _bad("nsectypes.test", tampered("bad.nsectypes.test.", "NSEC", "ns1.nsectypes.test. A TXT RRSIG NSEC")),
    _bad("nsecunsigned.test", without("RRSIG:NSEC")),
    _bad("nsec3flags.test", denials("1 0 0", "1 2 0"), denial=NSEC3),
    _bad("nsec3unsigned.test", without("RRSIG:NSEC3"), denial=NSEC3),
    _bad("nsec3param.test", without("NSEC3PARAM", "RRSIG:NSEC3PARAM"), denial=NSEC3),
    Zone("wildapex.test", WWW + "* A 192.0.2.7\n* MX 5 www\n"),
    Zone("wildapex3.test", WWW + "* A 192.0.2.7\n* MX 5 www\na.b.c TXT deep\n", denial=NSEC3),
    Zone("wildapex.plain", WWW + "* A 192.0.2.7\na.b.c TXT deep\n", algorithm=None),
    Zone("wildkinds.test", WWW + "*.alias CNAME www\n*.loop CNAME x.loop\n*.dname DNAME nsec.test.\n*.mx MX 1 www\n"
         "*.cut NS ns1\n*.*.twice A 192.0.2.8\nx.*.below A 192.0.2.8\n"),
    Zone("wildkinds.plain", WWW + "*.alias CNAME www\n*.loop CNAME x.loop\n*.mx MX 1 www\nx.*.below A 192.0.2.8\n",
         algorithm=None),
    Zone("ent.test", "a.b.c.d A 192.0.2.1\n" + WWW),
    Zone("ent3.test", "a.b.c.d A 192.0.2.1\n" + WWW, denial=NSEC3),
    Zone("entout.test", WWW, denial=(*NSEC3, "-p"), omit=frozenset({"a.b.entout.test"})),
    Zone("a.b.entout.test", WWW, algorithm=None, servers=(SECOND,)),
    Zone("c.d.entout.test", WWW, servers=(SECOND,)),
    Zone("a.b.ent.test", WWW, algorithm=None, servers=(SECOND,)),
    Zone("e.f.ent3.test", WWW, servers=(FIRST,)),
]

# ---- aliases and data ---------------------------------------------------------------------------------------------


def _chain(length: int) -> str:
    return "".join(f"c{length}x{i} CNAME c{length}x{i + 1}\n" for i in range(length)) + f"c{length}x{length} A 192.0.2.9\n"


LOOPS = (WWW + "self CNAME self\na CNAME b\nb CNAME a\nx CNAME y\ny CNAME z\nz CNAME x\n"
         + "".join(_chain(length) for length in (2, 5, 8, 9, 10, 11, 12, 13, 17))
         + "down DNAME below.down2\ndown2 DNAME down\nto DNAME fro\nfro DNAME to\n"
         + f"wide DNAME {'.'.join(['w' * 60] * 3)}\n")
ODD_DATA = (WWW + 'unknown TYPE65280 \\# 4 01020304\nunknown TYPE65281 \\# 0\nhttps HTTPS 1 . alpn="h2"\n'
            'svcb SVCB 2 www port=8443\ncaa CAA 0 issue "ca.test"\nnaptr NAPTR 1 2 "u" "s" "" www\n'
            "tlsa TLSA 3 1 1 " + "ab" * 32 + "\nsshfp SSHFP 4 2 " + "cd" * 32 + "\nsrv._tcp SRV 1 2 443 www\n"
            "loc LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m\nhinfo HINFO PC DOS\nptr PTR www\n"
            "zero 0 A 192.0.2.1\n" + "w" * 63 + " A 192.0.2.1\nUpper A 192.0.2.1\nupper TXT Mixed\n"
            "_under.score A 192.0.2.1\nesc\\.aped A 192.0.2.1\nesc\\000null A 192.0.2.1\nutf\\195\\188 A 192.0.2.1\n"
            + "".join(f"many A 198.18.{i // 250}.{i % 250}\n" for i in range(120))
            + "".join(f'large TXT "{str(i) * 60}"\n' for i in range(60)) + "null TYPE10 \\# 3 000102\n"
            + ".".join("v" * 57 for _ in range(4)) + " A 192.0.2.1\n")
DATA = [
    Zone("loops.test", LOOPS + "cross CNAME cross.loops.plain.\nout CNAME www.silent.plain.\n"),
    Zone("loops.plain", LOOPS + "cross CNAME cross.loops.test.\nout CNAME www.refused.plain.\n", algorithm=None,
         servers=(SECOND,)),
    Zone("data.test", ODD_DATA, servers=(FIRST, SECOND)),
    Zone("data3.test", ODD_DATA, denial=NSEC3),
    Zone("data.plain", ODD_DATA, algorithm=None),
    Zone("to.test", WWW + "".join(f"a{i} CNAME www.{zone}.\n" for i, zone in enumerate(
        ["refused.plain", "servfail.test", "wrongds.test", "unsigned.test", "expired.test", "many.test", "halfdead.test",
         "nonsec.test", "circular1.plain", "noglue.plain", "online.test", "edns-formerr.test", "nowhere.plain"]))),
]

# ---- delegations --------------------------------------------------------------------------------------------------


def _ns(zone: str, *servers: tuple[str, str] | str) -> str:
    """NS records with the glue that there is: (name, address), or a name alone."""
    text = ""
    for server in servers:
        name, address = server if isinstance(server, tuple) else (server, None)
        text += f"{zone}. 300 IN NS {name}.\n"
        text += f"{name}. 300 IN A {address}\n" if address else ""
    return text


def _delegated(name: str, *servers, apex: str | None = None, hosts: tuple[str, ...] = (FIRST,), records: str = WWW,
               **options) -> list[Zone]:
    """Below test, signed, and below plain, unsigned; {} in a server's name is the zone."""
    zones = []
    for zone, algorithm in ((f"{name}.test", "ECDSAP256SHA256"), (f"{name}.plain", None)):
        filled = [tuple(part.format(zone) for part in server) if isinstance(server, tuple) else server.format(zone)
                  for server in servers]
        zones.append(Zone(zone, records, hosts=hosts, algorithm=algorithm, delegation=_ns(zone, *filled),
                          apex=apex or f"@ NS ns1\nns1 A {hosts[0] if hosts else NOWHERE}\n", **options))
    return zones


def _odd(name: str) -> tuple[str, str]:
    return "ns9.{}", odd_servers.address_of(name)


def _half(name: str, behaviour: str) -> list[Zone]:
    """One server of two is right."""
    return _delegated(name, _odd(behaviour), ("ns1.{}", FIRST), hosts=(FIRST, INNER),
                      apex=f"@ NS ns1\n@ NS ns9\nns1 A {FIRST}\nns9 A {odd_servers.address_of(behaviour)}\n")


GOOD = ("ns1.{}", FIRST)
NAME_SERVER = WWW + f"ns A {FIRST}\n"
DELEGATIONS = [
    *_delegated("differs", GOOD, hosts=(FIRST, SECOND), apex=f"@ NS ns2\nns2 A {SECOND}\n"),
    *_delegated("differsdead", GOOD, apex=f"@ NS ns2\nns2 A {odd_servers.address_of('silent')}\n"),
    *_delegated("differslame", GOOD, apex=f"@ NS ns2\nns2 A {LAME}\n"),
    *_delegated("differsnowhere", GOOD, apex="@ NS ns2\n"),
    *_delegated("lameboth", ("ns1.{}", LAME), hosts=()),
    *_delegated("lamehalf", ("ns1.{}", FIRST), ("ns2.{}", LAME)),
    *_delegated("nowhere", ("ns1.{}", NOWHERE), hosts=()),
    *_delegated("nowherehalf", GOOD, ("ns2.{}", NOWHERE)),
    *_delegated("loopback", GOOD, ("ns2.{}", "127.0.0.1")),
    *_delegated("zeroaddress", GOOD, ("ns2.{}", "0.0.0.0")),
    *_delegated("wrongglue", ("ns1.{}", FIRST), ("ns2.{}", odd_servers.address_of("refused")), hosts=(FIRST, SECOND),
                apex=f"@ NS ns1\n@ NS ns2\nns1 A {FIRST}\nns2 A {SECOND}\n"),
    *_delegated("glueless", "host.hosting.test", apex="@ NS host.hosting.test.\n", records=NAME_SERVER),
    *_delegated("glueless2", "ns.glueless.plain", apex="@ NS ns.glueless.plain.\n", records=NAME_SERVER),
    *_delegated("glueless3", "ns.glueless2.plain", apex="@ NS ns.glueless2.plain.\n", records=NAME_SERVER),
    *_delegated("gluehalf", "nothing.hosting.test", "host.hosting.test", apex="@ NS host.hosting.test.\n"),
    *_delegated("noglue", "ns1.{}", hosts=(FIRST,)),
    *_delegated("nsalias", "alias.hosting.test", apex="@ NS alias.hosting.test.\n"),
    *_delegated("nsnothing", "nothing.hosting.test", hosts=()),
    *_delegated("nsnodata", "nodata.hosting.test", hosts=()),
    *_delegated("nsroot", ".".strip("."), hosts=()),
    *_delegated("nsbogus", "www.tampered.test", hosts=()),
    *_delegated("circular1", "ns.circular2.plain", hosts=()),
    *_delegated("circular2", "ns.circular1.plain", hosts=()),
    *_delegated("thirteen", *((f"ns{i}." + "{}", odd_servers.address_of("refused" if i % 2 else "upward"))
                              for i in range(2, 10)), GOOD),
    *_half("halfdead", "silent"), *_half("halfclosed", "closed"), *_half("halfrefused", "refused"),
    *_half("halfservfail", "servfail"), *_half("halfupward", "upward"), *_half("halfformerr", "formerr"),
    *_half("halfgarbage", "garbage"), *_half("halfrecursive", "recursive"), *_half("halfempty", "empty-not-authoritative"),
    *_half("halfunsigned", "without-rrsig"), *_half("halfnodenial", "without-denial"), *_half("halfedns", "edns-formerr"),
    *_half("halfkeys", "dnskey-servfail"), *_half("halftruncated", "truncated-only"), *_half("halfid", "wrong-id"),
]
HOSTING = Zone("hosting.test", f"host A {FIRST}\nalias CNAME host\nnodata TXT none\n", servers=(SECOND,))

# ---- servers ------------------------------------------------------------------------------------------------------

ODD_RECORDS = ("www A 192.0.2.1\nwww A 192.0.2.2\nwww AAAA 2001:db8::1\n@ TXT \"an apex\"\nalias CNAME www\n"
               "x.ent TXT below\nx.y.ent A 192.0.2.6\n*.wild A 192.0.2.3\ndname DNAME nsec.test.\nonly TXT text\n"
               + "".join(f'long TXT "{str(i) * 50}"\n' for i in range(12)))


def _served_oddly() -> list[Zone]:
    zones = []
    for i, name in enumerate(odd_servers.BEHAVIOURS):
        denial = NSEC3 if name.startswith("nsec3") or i % 3 == 1 else ()
        server = dict(servers=(odd_servers.address_of(name),), hosts=(INNER,))
        zones += [Zone(f"{name}.test", ODD_RECORDS, denial=denial, **server),
                  Zone(f"{name}.plain", ODD_RECORDS, algorithm=None, **server)]
    return zones


# Children, where the fault concerns what a parent says of them.
CHILDREN = [Zone(f"{kind}.{parent}", WWW, algorithm=algorithm, servers=(SECOND,))
            for parent in ("ds-refused.test", "without-denial.test", "without-rrsig.test", "one-denial.test",
                           "edns-formerr.test", "dnskey-servfail.test", "not-authoritative.test", "refused.test")
            for kind, algorithm in (("signed", "ECDSAP256SHA256"), ("unsigned", None))]

BROKEN = [*KEYS, *DENIALS, *DATA, *DELEGATIONS, HOSTING, *_served_oddly(), *CHILDREN]
