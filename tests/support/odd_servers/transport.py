"""Servers that are odd in EDNS, size, transport, header and question."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.support import messages
from tests.support.messages import Raw
from tests.support.odd_servers.behaviour import (A, NOERROR, FORMERR, SERVFAIL, NOTIMP, BADVERS, QR, AA, TC, RA,
                                                   AD, CD, VICTIM, Asked, behaviour, forged, without_opt)


# ---- EDNS ---------------------------------------------------------------------------------------------------------


@behaviour
async def edns_silent(asked: Asked):
    return None if asked.query.opt else await asked.truth()


@behaviour
async def edns_formerr(asked: Asked):
    return asked.refusal(FORMERR, opt=False) if asked.query.opt else await asked.truth()


@behaviour
async def edns_formerr_alone(asked: Asked):
    """A header and nothing else."""
    return replace(asked.refusal(FORMERR, opt=False), questions=[]) if asked.query.opt else await asked.truth()


@behaviour
async def edns_notimp(asked: Asked):
    return asked.refusal(NOTIMP, opt=False) if asked.query.opt else await asked.truth()


@behaviour
async def edns_servfail(asked: Asked):
    return asked.refusal(SERVFAIL, opt=False) if asked.query.opt else await asked.truth()


@behaviour
async def edns_badvers(asked: Asked):
    """RFC 6891 section 6.1.3, for version 0."""
    return asked.refusal(BADVERS) if asked.query.opt else await asked.truth()


@behaviour
async def edns_stripped(asked: Asked):
    return await asked.truth(without_opt(asked.query))


@behaviour
async def edns_without_do(asked: Asked):
    opt = asked.query.opt
    if opt is None:
        return await asked.truth()
    return await asked.truth(replace(asked.query, additional=[replace(opt, ttl=opt.ttl & ~0x8000)]))


@behaviour
async def edns_echoed(asked: Asked):
    """The very OPT of the query comes back, options and all, and one that nobody knows."""
    true = await asked.truth()
    opt = asked.query.opt
    if opt is None:
        return true
    return replace(without_opt(true), additional=[*without_opt(true).additional,
                                                   replace(opt, data=opt.data + b"\xfd\xe9\x00\x02??")])


@behaviour
async def edns_first(asked: Asked):
    """OPT stands before the other records, and its reserved bits are set."""
    true = await asked.truth()
    if true.opt is None:
        return true
    return replace(true, additional=[replace(true.opt, ttl=true.opt.ttl | 0x7FFF), *without_opt(true).additional])


@behaviour
async def edns_twice(asked: Asked):
    true = await asked.truth()
    return replace(true, additional=[*true.additional, true.opt]) if true.opt else true


@behaviour
async def edns_unasked(asked: Asked):
    """OPT also for those who sent none (RFC 6891 section 7)."""
    true = await asked.truth()
    return true if true.opt else replace(true, additional=[*true.additional, Raw(b"\0", messages.OPT, 1232, 0, b"")])


# ---- size and transport -------------------------------------------------------------------------------------------


@behaviour
async def large_lost(asked: Asked):
    """As where fragments are dropped, on a path that is narrower than most."""
    true = await asked.truth()
    return None if not asked.tcp and len(true.octets()) > 400 else true


@behaviour
async def truncated(asked: Asked):
    return await asked.truth() if asked.tcp else replace(asked.refusal(NOERROR), flags=QR | AA | TC | asked.query.flags)


@behaviour(transports=("udp",))
async def truncated_only(asked: Asked):
    return replace(asked.refusal(NOERROR), flags=QR | AA | TC | asked.query.flags)


@behaviour
async def truncated_in_part(asked: Asked):
    """TC and yet half of the answer: nobody may take it for the whole."""
    true = await asked.truth()
    if asked.tcp or not true.answer:
        return true
    return replace(true, flags=true.flags | TC, answer=true.answer[:1], authority=[])


@behaviour
async def tcp_silent(asked: Asked):
    return None if asked.tcp else replace(asked.refusal(NOERROR), flags=QR | AA | TC | asked.query.flags)


@behaviour(transports=("udp",))
async def without_tcp(asked: Asked):
    return await asked.truth()


@behaviour(transports=("tcp",))
async def without_udp(asked: Asked):
    return await asked.truth()


@behaviour(transports=())
async def closed(asked: Asked):
    """Nothing listens: ICMP says so."""


@behaviour
async def silent(asked: Asked):
    return None


@behaviour
async def slow(asked: Asked):
    await asyncio.sleep(0.4)
    return await asked.truth()


@behaviour
async def lossy(asked: Asked):
    return None if asked.count % 2 else await asked.truth()


@behaviour
async def doubled(asked: Asked):
    true = await asked.truth()
    return [true, true]


@behaviour(from_elsewhere=True)
async def from_elsewhere(asked: Asked):
    return await asked.truth()


# ---- the header and the question ----------------------------------------------------------------------------------


@behaviour
async def wrong_id(asked: Asked):
    true = await asked.truth()
    return replace(true, id=true.id ^ 1)


@behaviour
async def wrong_id_first(asked: Asked):
    true = await asked.truth()
    return [forged(replace(true, id=true.id ^ 1)), true]


@behaviour
async def lower_case(asked: Asked):
    true = await asked.truth()
    return replace(true, questions=[(name.lower(), *rest) for name, *rest in true.questions])


@behaviour
async def upper_case(asked: Asked):
    true = await asked.truth()
    return replace(true, questions=[(name.upper(), *rest) for name, *rest in true.questions])


@behaviour
async def case_in_data(asked: Asked):
    """Owners in another case than was asked, which is nobody's business (RFC 4343)."""
    true = await asked.truth()
    return replace(true, answer=[replace(record, name=record.name.swapcase()) for record in true.answer])


@behaviour
async def wrong_question(asked: Asked):
    true = await asked.truth()
    return replace(true, questions=[(VICTIM, A, 1)])


@behaviour
async def wrong_type(asked: Asked):
    true = await asked.truth()
    return replace(true, questions=[(name, 16 if type == A else A, rclass) for name, type, rclass in true.questions])


@behaviour
async def without_question(asked: Asked):
    return replace(await asked.truth(), questions=[])


@behaviour
async def two_questions(asked: Asked):
    true = await asked.truth()
    return replace(true, questions=true.questions * 2)


@behaviour
async def query_back(asked: Asked):
    return asked.octets


@behaviour
async def wrong_opcode(asked: Asked):
    true = await asked.truth()
    return replace(true, flags=true.flags | 0x2000)


@behaviour
async def wrong_class(asked: Asked):
    true = await asked.truth()
    return replace(true, answer=[replace(record, record_class=3) for record in true.answer])


@behaviour
async def garbage(asked: Asked):
    return asked.octets[:2] + b"\x84\x00\x00\x01\x00\x05" + bytes(range(60))


@behaviour
async def cut_short(asked: Asked):
    true = await asked.truth()
    return true if asked.tcp else true.octets()[:-7]


@behaviour
async def trailing_octets(asked: Asked):
    return (await asked.truth()).octets() + b"more"


@behaviour
async def flags_set(asked: Asked):
    """AD, CD, RA and the reserved bit (RFC 1035 section 4.1.1)."""
    true = await asked.truth()
    return replace(true, flags=true.flags | AD | CD | RA | 0x0040)
