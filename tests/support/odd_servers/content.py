"""Servers that are odd in what they say: RCODE, authority, types, names, data of others, signatures, proofs."""

from __future__ import annotations

from dataclasses import replace

from tests.support.messages import Raw
from tests.support.odd_servers.behaviour import (A, NS, CNAME, SOA, AAAA, DNAME, DS, RRSIG, DNSKEY, NSEC3, DENIALS,
                                                      OLD_TYPES, NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP,
                                                      REFUSED, QR, AA, RA, CD, RD, VICTIM, FORGED, Asked, apex,
                                                      behaviour, forged, negative, parent, positive)


# ---- RCODE, authority, referrals ----------------------------------------------------------------------------------


@behaviour
async def refused(asked: Asked):
    return asked.refusal(REFUSED)


@behaviour
async def servfail(asked: Asked):
    return asked.refusal(SERVFAIL)


@behaviour
async def notimp(asked: Asked):
    return asked.refusal(NOTIMP)


@behaviour
async def formerr(asked: Asked):
    return asked.refusal(FORMERR)


@behaviour
async def unknown_rcode(asked: Asked):
    return asked.refusal(14)


@behaviour
async def refused_with_answer(asked: Asked):
    true = await asked.truth()
    return replace(true, flags=true.flags & ~15 | REFUSED)


@behaviour
async def upward(asked: Asked):
    """What old BIND said of zones that it did not have."""
    root = Raw(b"\0", NS, 1, 3600, b"\3ns1\0")
    return replace(asked.refusal(NOERROR), authority=[root], additional=[Raw(b"\3ns1\0", A, 1, 3600, b"\x0a\x36\x00\x01")])


@behaviour
async def refers_to_itself(asked: Asked):
    """A referral to the zone that is asked."""
    zone = apex(asked.query.name)
    return replace(asked.refusal(NOERROR), authority=[Raw(zone, NS, 1, 300, b"\3ns1" + zone)])


@behaviour
async def not_authoritative(asked: Asked):
    true = await asked.truth()
    return replace(true, flags=true.flags & ~AA)


@behaviour
async def recursive(asked: Asked):
    """A resolver stands where a server should."""
    true = await asked.truth()
    return replace(true, flags=true.flags & ~AA | RA)


@behaviour
async def empty(asked: Asked):
    return replace(asked.refusal(NOERROR), flags=QR | AA | asked.query.flags & (RD | CD))


@behaviour
async def empty_not_authoritative(asked: Asked):
    return asked.refusal(NOERROR)


# ---- types and names ----------------------------------------------------------------------------------------------


@behaviour
async def aaaa_nxdomain(asked: Asked):
    """RFC 4074 section 4.2."""
    true = await asked.truth()
    return replace(true, flags=true.flags | NXDOMAIN) if asked.query.type == AAAA and negative(true) else true


@behaviour
async def aaaa_silent(asked: Asked):
    """RFC 4074 section 4.1."""
    return None if asked.query.type in (AAAA, 65) else await asked.truth()


@behaviour
async def types_notimp(asked: Asked):
    return await asked.truth() if asked.query.type in OLD_TYPES | {AAAA} else asked.refusal(NOTIMP)


@behaviour
async def types_refused(asked: Asked):
    return await asked.truth() if asked.query.type in OLD_TYPES | {AAAA} else asked.refusal(REFUSED)


@behaviour
async def types_silent(asked: Asked):
    return await asked.truth() if asked.query.type in OLD_TYPES | {AAAA} else None


@behaviour
async def types_empty(asked: Asked):
    if asked.query.type in OLD_TYPES | {AAAA}:
        return await asked.truth()
    return replace(asked.refusal(NOERROR), flags=QR | AA | asked.query.flags & (RD | CD))


@behaviour
async def ent_nxdomain(asked: Asked):
    """A name with nothing but names below it does not exist, it says (RFC 8020 section 1)."""
    true = await asked.truth()
    return replace(true, flags=true.flags | NXDOMAIN) if negative(true) and _is_ent(asked.query.name) else true


@behaviour
async def ent_refused(asked: Asked):
    return asked.refusal(REFUSED) if _is_ent(asked.query.name) else await asked.truth()


@behaviour
async def nxdomain_for_nodata(asked: Asked):
    true = await asked.truth()
    return replace(true, flags=true.flags | NXDOMAIN) if negative(true) and true.rcode == NOERROR else true


@behaviour
async def nodata_for_nxdomain(asked: Asked):
    true = await asked.truth()
    return replace(true, flags=true.flags & ~15) if true.rcode == NXDOMAIN else true


@behaviour
async def nxdomain_with_data(asked: Asked):
    true = await asked.truth()
    return replace(true, flags=true.flags | NXDOMAIN) if positive(true) else true


@behaviour
async def without_soa(asked: Asked):
    true = await asked.truth()
    return true.only(lambda record: record.type != SOA and record.covered != SOA) if negative(true) else true


@behaviour
async def soa_of_parent(asked: Asked):
    """In denials."""
    true = await asked.truth()
    if not negative(true):
        return true
    return replace(true, authority=[replace(record, name=parent(record.name)) if record.type == SOA else record
                                    for record in true.authority])


@behaviour
async def soa_of_root(asked: Asked):
    true = await asked.truth()
    if not negative(true):
        return true
    return replace(true, authority=[replace(record, name=b"\0") if record.type == SOA else record
                                    for record in true.authority])


@behaviour
async def huge_ttl(asked: Asked):
    """RFC 2181 section 8: as if it were 0."""
    true = await asked.truth()
    return replace(true, answer=[replace(record, ttl=0xFFFFFFFF) for record in true.answer])


@behaviour
async def zero_ttl(asked: Asked):
    true = await asked.truth()
    return replace(true, answer=[replace(record, ttl=0) for record in true.answer])


@behaviour
async def twice_the_same(asked: Asked):
    """Each record two times, and in odd order."""
    true = await asked.truth()
    return replace(true, answer=[*true.answer[::-1], *true.answer])


def _is_ent(name: bytes) -> bool:
    return name[1:1 + name[0]].lower() == b"ent"


# ---- data that belongs to others ----------------------------------------------------------------------------------


@behaviour
async def poison(asked: Asked):
    """The victim's address beside each answer."""
    return forged(await asked.truth())


@behaviour
async def poison_by_authority(asked: Asked):
    """The whole of .test is said to be served here."""
    true = await asked.truth()
    ours = b"\2ns\4test\0"
    return replace(true, authority=[*true.authority, Raw(b"\4test\0", NS, 1, 86400, ours)],
                   additional=[*true.additional, Raw(ours, A, 1, 86400, FORGED)])


@behaviour
async def poison_behind_alias(asked: Asked):
    """Whatever is asked for is an alias of the victim, whose address comes along."""
    true = await asked.truth()
    if asked.query.type != A or not positive(true):
        return true
    alias = Raw(asked.query.name, CNAME, 1, 300, VICTIM)
    return replace(true, answer=[alias, Raw(VICTIM, A, 1, 86400, FORGED)], authority=[])


@behaviour
async def alias_and_data(asked: Asked):
    """RFC 1034 section 3.6.2 forbids it."""
    true = await asked.truth()
    if asked.query.type != A or not positive(true):
        return true
    return replace(true, answer=[Raw(asked.query.name, CNAME, 1, 300, VICTIM), *true.answer])


@behaviour
async def two_aliases(asked: Asked):
    true = await asked.truth()
    if asked.query.type != A or not positive(true):
        return true
    return replace(true, answer=[Raw(asked.query.name, CNAME, 1, 300, target)
                                 for target in (VICTIM, b"\3www\5nsec3\4test\0")])


@behaviour
async def alias_of_itself(asked: Asked):
    true = await asked.truth()
    if asked.query.type != A or not positive(true):
        return true
    return replace(true, answer=[Raw(asked.query.name, CNAME, 1, 300, asked.query.name)])


@behaviour
async def dname_alone(asked: Asked):
    """Without the CNAME that follows from it."""
    true = await asked.truth()
    if not any(record.type == DNAME for record in true.answer):
        return true
    return replace(true, answer=[r for r in true.answer if r.type == DNAME or r.covered == DNAME])


@behaviour
async def dname_elsewhere(asked: Asked):
    """With a CNAME that does not follow from it (RFC 6672 section 3.4)."""
    true = await asked.truth()
    if not any(record.type == DNAME for record in true.answer):
        return true
    return replace(true, answer=[replace(r, data=VICTIM) if r.type == CNAME else r for r in true.answer])


# ---- signatures and proofs ----------------------------------------------------------------------------------------


@behaviour
async def without_rrsig(asked: Asked):
    return (await asked.truth()).only(lambda record: record.type != RRSIG)


@behaviour
async def without_wildcard_proof(asked: Asked):
    true = await asked.truth()
    return replace(true, authority=[]) if positive(true) else true


@behaviour
async def without_denial(asked: Asked):
    true = await asked.truth()
    return true.only(lambda r: r.type not in DENIALS and r.covered not in DENIALS) if negative(true) else true


@behaviour
async def one_denial(asked: Asked):
    """Of several NSEC or NSEC3 the first."""
    true = await asked.truth()
    owners = [record.name for record in true.authority if record.type in DENIALS]
    if len(owners) < 2:
        return true
    return true.only(lambda r: r.name == owners[0] or r.type not in DENIALS and r.covered not in DENIALS)


@behaviour
async def nsec3_hash(asked: Asked):
    """A hash that nobody knows (RFC 5155 section 8.1)."""
    true = await asked.truth()
    return replace(true, authority=[replace(r, data=b"\2" + r.data[1:]) if r.type == NSEC3 else r
                                    for r in true.authority])


@behaviour
async def dnskey_servfail(asked: Asked):
    return asked.refusal(SERVFAIL) if asked.query.type == DNSKEY else await asked.truth()


@behaviour
async def dnskey_silent(asked: Asked):
    return None if asked.query.type == DNSKEY else await asked.truth()


@behaviour
async def dnskey_nxdomain(asked: Asked):
    true = await asked.truth()
    return replace(true, flags=true.flags | NXDOMAIN, answer=[]) if asked.query.type == DNSKEY else true


@behaviour
async def ds_refused(asked: Asked):
    """Asked for the DS of zones below."""
    return asked.refusal(REFUSED) if asked.query.type == DS else await asked.truth()
