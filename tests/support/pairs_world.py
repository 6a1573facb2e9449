"""A world of what is secure, insecure and bogus, one policy for each thing that a rule can do, and what must come of both.

Every zone is held three times: signed, unsigned, and with signatures that have expired. Aliases lead from each to each.
What a policy does is no matter of names: one group of clients has it, and all groups ask for the same names, so that
what one of them has brought into the cache is what the others are answered from. `expected()` is the oracle: the
sections of SEMANTICS on answers, chains and the cache in a page, which knows nothing of how weir does it.

What is blocked is told by the first label of a name: `q-…` by name, `bad-…` by its address; beside them
`leaf-….below-…`, which a tree of aliases leads to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterable

from tests.support import dns
from tests.support.signed_internet import EXPIRED, FIRST, ROOT, SECOND, TLD, Zone

SECURE, INSECURE, BOGUS = SECURITIES = ("secure", "insecure", "bogus")
# Patterns of the names that are blocked, and of others, for the administrator's rules.
Q_NAMES, PLAIN_NAMES = r"/^(q-[0-9]|leaf-[0-9]+\.below-)/", "/^plain-/"
ORDERS = 4  # each name is there so often, so that it can be asked for in as many orders
TTL = 4
STALE_TTL = 7  # of old answers; no record has it
WATCHED = "10.54.0.8"  # serves the zones whose name servers are blocked

GOOD, BAD, PRIVATE, SAFE = "198.51.100.10", "203.0.113.66", "192.168.7.7", "198.51.100.20"
WALLED, BESIDE, DYING = "192.0.2.90", "192.0.2.91", "198.51.100.30"

# ---- what is served -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Link:
    owner: str
    type: str  # CNAME, DNAME
    target: str  # of this name; a DNAME's own target is in `record`
    security: str  # of the zone that has it
    role: str  # of the target
    records: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Name:
    """One question, and what its zones make of it."""
    qname: str
    type: str
    role: str  # the first label's first word: what rules know it by
    kind: str  # role, type and the securities of its zones: what it is, whatever the order it is for
    order: int
    security: str  # of the zone at its end
    data: tuple[str, ...] = ()  # of `type`, at the end
    rcode: str = "NOERROR"
    links: tuple[Link, ...] = ()
    address: str = ""  # "address": it is blocked; "private"
    service: str = ""  # role of the name that an HTTPS record leads to
    served: bool = False  # by name servers that are blocked

    @property
    def worst(self) -> str:
        return max([self.security, *(link.security for link in self.links)], key=SECURITIES.index)

    @property
    def records(self) -> frozenset[tuple[str, str, str]]:
        """The answer section."""
        end = self.links[-1].target if self.links else self.qname
        return frozenset([record for link in self.links for record in link.records]
                         + [(end + ".", self.type, datum) for datum in self.data])


def zone_of(security: str) -> str:
    return f"{security}.example"


def _cname(owner: str, target: str, security: str, role: str) -> Link:
    return Link(owner, "CNAME", target, security, role, ((owner + ".", "CNAME", target + "."),))


@dataclass
class _Makings:
    """Collects records and the questions for them."""
    names: list[Name] = field(default_factory=list)
    records: dict[str, list[str]] = field(default_factory=dict)  # zone -> lines

    def record(self, owner: str, zone: str, data: str) -> None:
        line = f"{owner}. {TTL} {data}\n"
        if line not in self.records.setdefault(zone, []):
            self.records[zone].append(line)

    def name(self, qname: str, type: str, order: int, security: str, **more) -> Name:
        links = more.get("links", ())
        role = qname.split("-")[0]
        kind = " ".join([role, type, *(link.security for link in links), security])
        self.names.append(Name(qname, type, role, kind, order, security, **more))
        return self.names[-1]

    def plain(self, role: str, order: int, security: str, data: str = GOOD, **more) -> None:
        zone = zone_of(security)
        qname = f"{role}-{order}.{zone}"
        self.record(qname, zone, f"A {data}")
        self.name(qname, "A", order, security, data=(data,), **more)

    def alias(self, role: str, order: int, start: str, end: str, target: str, to: str, **more) -> None:
        """`role`-… in the zone of `start` leads to `target`, whose role is `to`, in the zone of `end`."""
        qname = f"{role}-{end}-{order}.{zone_of(start)}"
        self.record(qname, zone_of(start), f"CNAME {target}.")
        self.name(qname, "A", order, end, links=(_cname(qname, target, start, to),), **more)


def _names_of(order: int, makings: _Makings) -> None:
    for start in SECURITIES:
        zone = zone_of(start)
        makings.plain("plain", order, start)
        makings.plain("q", order, start)
        makings.plain("bad", order, start, BAD, address="address")
        makings.plain("private", order, start, PRIVATE, address="private")
        makings.name(f"q-{order}.{zone}", "AAAA", order, start)
        makings.name(f"none-{order}.{zone}", "A", order, start, rcode="NXDOMAIN")
        makings.record(f"hint-{order}.{zone}", zone, f"HTTPS 1 . ipv4hint={BAD}")
        makings.name(f"hint-{order}.{zone}", "HTTPS", order, start, data=("000100000400" "04cb007142",), address="address")
        watched = f"watched-{start}.example"
        makings.record(f"served-{order}.{watched}", watched, f"A {GOOD}")
        makings.name(f"served-{order}.{watched}", "A", order, start, data=(GOOD,), served=True)
        for end in SECURITIES:
            other = zone_of(end)
            makings.alias("toq", order, start, end, f"q-{order}.{other}", "q", data=(GOOD,))
            makings.alias("tobad", order, start, end, f"bad-{order}.{other}", "bad", data=(BAD,), address="address")
            makings.alias("toplain", order, start, end, f"plain-{order}.{other}", "plain", data=(GOOD,))
            makings.alias("tonone", order, start, end, f"none-{order}.{other}", "none", rcode="NXDOMAIN")
            makings.alias("toserved", order, start, end, f"served-{order}.watched-{end}.example", "served", data=(GOOD,),
                          served=True)
            makings.record(f"https-{end}-{order}.{zone}", zone, f"HTTPS 1 q-{order}.{other}.")
            makings.name(f"https-{end}-{order}.{zone}", "HTTPS", order, start, service="q",
                         data=(f"0001{dns.wire_name(f'q-{order}.{other}').hex()}",))
            # A tree of aliases
            tree, below = f"tree-{end}-{order}.{zone}", f"below-{order}.{other}"
            makings.record(tree, zone, f"DNAME {below}.")
            makings.record(f"leaf-{order}.{below}", other, f"A {GOOD}")
            makings.name(f"leaf-{order}.{tree}", "A", order, end, data=(GOOD,),
                         links=(_dname(f"leaf-{order}", tree, below, start),))
            # Two aliases, the first of which is between zones that have no fault
            far, middle = f"far-{end}-{order}.{zone}", f"toq-{end}-{order}.{zone_of(INSECURE)}"
            makings.record(far, zone, f"CNAME {middle}.")
            makings.name(far, "A", order, end, data=(GOOD,), links=(
                _cname(far, middle, start, "toq"), _cname(middle, f"q-{order}.{other}", INSECURE, "q")))


def _dname(first: str, tree: str, below: str, security: str) -> Link:
    owner, target = f"{first}.{tree}", f"{first}.{below}"
    return Link(owner, "DNAME", target, security, "q",
                ((tree + ".", "DNAME", below + "."), (owner + ".", "CNAME", target + ".")))


# What safe search replaces: the name, what it is replaced with, and how good that is.
SAFE_NAMES = [("www.duckduckgo.com", "safe.duckduckgo.com", SECURE), ("pixabay.com", "safesearch.pixabay.com", INSECURE),
              ("www.bing.com", "strict.bing.com", BOGUS)]
SAFE_TARGETS = {name: target for name, target, _ in SAFE_NAMES}


def _zone(name: str, security: str, records: Iterable[str], server: str) -> Zone:
    options = {"algorithm": None} if security == INSECURE else {"times": EXPIRED} if security == BOGUS else {}
    return Zone(name, "".join(records), servers=(server,), **options)


def build() -> tuple[list[Name], list[Zone], list[Zone]]:
    """The questions, the zones that they are about, and those above."""
    makings = _Makings()
    for order in range(ORDERS):
        _names_of(order, makings)
    zones = []
    for security in SECURITIES:
        zone = zone_of(security)
        makings.record(f"dying.{zone}", zone, f"A {DYING}")
        zones.append(_zone(zone, security, makings.records[zone], FIRST))
        zones.append(_zone(f"watched-{security}.example", security, makings.records[f"watched-{security}.example"], WATCHED))
    for name, target, security in SAFE_NAMES:
        zone = ".".join(name.split(".")[-2:])
        zones.append(_zone(zone, security, [f"{name}. {TTL} A {GOOD}\n", f"{target}. {TTL} A {SAFE}\n"], FIRST))
        makings.names.append(Name(name, "A", "safe", f"safe A {security}", 0, security, (GOOD,)))
    zones.append(_zone("garden.example", SECURE, [f"walled A {WALLED}\n", f"* A {BESIDE}\n"], SECOND))
    above = [Zone("com", servers=(TLD,)), Zone("example", servers=(TLD,)), Zone("", servers=(ROOT,))]
    return makings.names, zones, above


# ---- what policies do ---------------------------------------------------------------------------------------------

# What a rule asks for.
NULL, ADDRESS, NODATA, NXDOMAIN, REFUSED = "null", "address", "nodata", "nxdomain", "refused"
GARDEN, BESIDE_IT, TO_DYING, TO_BOGUS, TO_SAFE = "garden", "beside", "to-dying", "to-bogus", "to-safe"
DROP, TRUNCATE, DATA, PASS = "drop", "tcp-only", "data", "passthru"
TARGETS = {GARDEN: "walled.garden.example", TO_DYING: "dying.secure.example", TO_BOGUS: "dying.bogus.example"}
OWN_ADDRESS, REWRITTEN, LOCAL_DATA = "192.0.2.200", "192.0.2.201", "192.0.2.80"

RPZ_ACTIONS = {NXDOMAIN: "CNAME .", NODATA: "CNAME *.", PASS: "CNAME rpz-passthru.", DROP: "CNAME rpz-drop.",
               TRUNCATE: "CNAME rpz-tcp-only.", DATA: f"A {LOCAL_DATA}", GARDEN: f"CNAME {TARGETS[GARDEN]}.",
               BESIDE_IT: "CNAME *.garden.example."}

BLOCKED, FORGED, SYNTHESISED, STALE, STALE_NXDOMAIN = 15, 4, 29, 3, 19  # RFC 8914


@dataclass(frozen=True)
class Word:
    """What a policy says of one part of an answer, and which of its lists says so."""
    action: str
    list: str


@dataclass(frozen=True)
class Treatment:
    """A policy and the group that has it."""
    name: str
    lists: tuple[str, ...] = ()
    keys: str = ""  # of its [[policy]]
    words: dict[str, Word] = field(default_factory=dict)  # "client", "q", "address", "servers" -> what is done
    mode: str = NULL  # its own block answer
    allows: frozenset[str] = frozenset()  # roles
    strict: bool = False
    denies: bool = False
    rebinding: bool = False
    safe: bool = False
    shown: bool = False
    observes: bool = False
    forged: bool = False  # its rules' addresses and targets are called so

    def __hash__(self) -> int:
        return hash(self.name)


def _blocking(action: str, names: str = "names", addresses: str = "addresses") -> dict[str, Word]:
    return {"q": Word(action, names), "address": Word(action, addresses)}


def _by_mode(name: str, mode: str, keys: str, **more) -> Treatment:
    return Treatment(name, ("names", "addresses"), keys, _blocking(mode), mode, **more)


OPENED = frozenset({"plain", "toq", "tobad"})
OPEN = Treatment("open")
MODES = [
    OPEN,
    _by_mode("null", NULL, ""), _by_mode("ra0", NULL, 'signal = "ra0"'),
    _by_mode("shown", NULL, 'aliases = "shown"', shown=True),
    _by_mode("address", ADDRESS, f'block = "address"\nblock_address = ["{OWN_ADDRESS}"]'),
    _by_mode("nodata", NODATA, 'block = "nodata"'), _by_mode("nxdomain", NXDOMAIN, 'block = "nxdomain"'),
    _by_mode("refused", REFUSED, 'block = "refused"'),
    *(_by_mode(action, action, f'block = "cname"\nblock_target = "{TARGETS[action]}"') for action in TARGETS),
    Treatment("own-drop", ("own-drop",), words={"q": Word(DROP, "own-drop")}),
    Treatment("own-refused", ("own-refused",), words={"q": Word(REFUSED, "own-refused")}),
    Treatment("rewrite", ("rewrite",), words={"q": Word("rewrite", "rewrite")}),
    Treatment("observe", ("watched",), observes=True),
    Treatment("deny", ("opened",), 'default = "deny"\nblock = "refused"', mode=REFUSED, allows=OPENED, denies=True),
    Treatment("deny-strict", ("opened", "names", "addresses"), 'default = "deny"\nstrict_chain = true',
              _blocking(NULL), allows=OPENED, denies=True, strict=True),
    Treatment("allow", ("opened", "names", "addresses"), "", _blocking(NULL), allows=OPENED),
    Treatment("allow-strict", ("opened", "names", "addresses"), "strict_chain = true", _blocking(NULL), allows=OPENED,
              strict=True),
    Treatment("private", (), 'rebinding_protection = true\nsafe_search = ["duckduckgo", "pixabay", "bing"]',
              rebinding=True, safe=True),
]


def _by_zone(action: str, kind: str) -> Treatment:
    zone = f"{kind}-{action}"
    parts = {"rpz": ("q", "address"), "client": ("client",), "nsdname": ("servers",), "nsip": ("servers",)}[kind]
    # What a zone lets pass would be stopped by the next.
    lists = (zone, "rpz-behind") if action == PASS and kind != "nsdname" and kind != "nsip" else (zone,)
    return Treatment(zone, lists, words={part: Word(action, zone) for part in parts},
                     forged=action in (GARDEN, BESIDE_IT))


ZONES = [_by_zone(action, kind) for kind in ("rpz", "client") for action in RPZ_ACTIONS]
NAME_SERVER_ZONES = [OPEN, _by_mode("null", NULL, ""),
                     *(_by_zone(action, kind) for kind in ("nsdname", "nsip") for action in RPZ_ACTIONS)]


def client_of(treatment: Treatment, treatments: list[Treatment]) -> str:
    """Each in a prefix of its own: what one has outstanding is no matter of the others."""
    return f"10.53.{100 + treatments.index(treatment)}.10"


def _zone_file(records: Iterable[str]) -> str:
    return "$ORIGIN policy.zone.\n$TTL 60\n@ SOA ns host 1 3600 600 86400 60\n  NS ns\n" + "".join(
        record + "\n" for record in records)


def _reversed(address: str) -> str:
    return ".".join(["32", *reversed(address.split("."))])


def list_files(names: list[Name], treatments: list[Treatment]) -> dict[str, tuple[str, str]]:
    """Name of a list -> its keys, and what is in it."""
    blocked = sorted({name.qname for name in names if name.role == "q"}
                     | {link.target for name in names for link in name.links if link.role == "q"})
    opened = sorted({name.qname for name in names if name.role in OPENED})
    lines = "".join(name + "\n" for name in blocked)
    files = {
        "names": ('match = "subtree"', lines),
        "watched": ('match = "subtree"\nmode = "observe"', lines),
        "addresses": ('kind = "address"', BAD + "\n"),
        "opened": ('kind = "allow"\nmatch = "exact"', "".join(name + "\n" for name in opened)),
        "own-drop": ('actions = "own"', "".join(f'local-zone: "{name}" always_deny\n' for name in blocked)),
        "own-refused": ('actions = "own"', "".join(f'local-zone: "{name}" always_refuse\n' for name in blocked)),
        "rewrite": ("rewrites = true", "".join(f"||{name}^$dnsrewrite={REWRITTEN}\n" for name in blocked)),
    }
    for treatment in treatments:
        kind, _, action = treatment.name.partition("-")
        if action not in RPZ_ACTIONS:
            continue
        data = RPZ_ACTIONS[action]
        triggers = {"rpz": [name for one in blocked for name in (one, "*." + one)] + [_reversed(BAD) + ".rpz-ip"],
                    "client": [_reversed(client_of(treatment, treatments)) + ".rpz-client-ip"],
                    "nsdname": [f"ns1.watched-{security}.example.rpz-nsdname" for security in SECURITIES],
                    "nsip": [_reversed(WATCHED) + ".rpz-nsip"]}.get(kind)
        if triggers:
            files[treatment.name] = ('kind = "rpz"', _zone_file(f"{trigger} {data}" for trigger in triggers))
    files["rpz-behind"] = ('kind = "rpz"', _zone_file(
        [f"{name} CNAME ." for name in blocked] + [f"{_reversed(BAD)}.rpz-ip CNAME ."]))
    used = {name for treatment in treatments for name in treatment.lists}
    return {name: file for name, file in files.items() if name in used}


def configuration(names: list[Name], treatments: list[Treatment]) -> str:
    """The sections of weir.toml; {lists} is the folder of the lists."""
    text = ""
    for name, (keys, _) in list_files(names, treatments).items():
        text += f'[[list]]\nname = "{name}"\nsource = "{{lists}}/{name}"\n{keys}\n\n'
    for treatment in treatments:
        lists = ", ".join(f'"{name}"' for name in treatment.lists)
        text += (f'[[policy]]\nname = "{treatment.name}"\nlists = [{lists}]\nprivacy = "full"\nuntil_loaded = "refuse"\n'
                 f'{treatment.keys}\n\n[[group]]\nname = "{treatment.name}"\npolicy = "{treatment.name}"\n'
                 f'clients = ["{client_of(treatment, treatments)}"]\n\n')
    return text


# ---- what must come of it -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reply:
    """What an answer has to be. None in its place: there is none."""
    rcode: str
    records: frozenset[tuple[str, str, str]] = frozenset()
    denies: bool = False  # has an SOA
    ede: int | None = None  # -1: whatever there is
    truncated: bool = False
    authentic: bool = False
    signed: bool = False  # has signatures
    old: bool | None = False  # answered with what has expired; None: whichever
    recursion: bool = True

    def fault(self, answer: dns.Answer, *, do: bool, cd: bool) -> str:
        """What is wrong with it; nothing: it is as it should be."""
        codes = [code for code, _ in answer.ede]
        is_old = bool({STALE, STALE_NXDOMAIN} & set(codes))
        records = frozenset((record.name, record.type, record.data) for record in answer.answer if record.type != "RRSIG")
        has_signatures = any(record.type in ("RRSIG", "NSEC", "NSEC3") for record in answer.answer + answer.authority)
        wanted_code = {None: [], -1: codes}.get(self.ede, [self.ede])
        if is_old and self.old is not False:
            wanted_code = [STALE_NXDOMAIN if self.rcode == "NXDOMAIN" else STALE]
        for what, found, wanted in (
                ("RCODE", answer.rcode, self.rcode), ("records", records, self.records),
                ("TC", answer.truncated, self.truncated), ("EDE", codes, wanted_code),
                ("SOA", answer.soa() is not None, self.denies), ("CD", answer.checking_disabled, cd),
                ("RA", answer.recursion_available, self.recursion), ("AA", answer.authoritative, False),
                ("old", is_old, is_old if self.old is None else self.old), ("AD", answer.authentic, self.authentic)):
            if found != wanted:
                return f"{what} is {found}, not {wanted}"
        # Who checks for himself may get an old answer as others have had it.
        if has_signatures and not do or self.signed and do and not has_signatures and not (is_old and cd):
            return "signatures" if has_signatures else "no signatures"
        if is_old and any(record.ttl > STALE_TTL for record in answer.answer + answer.authority):
            return "the TTL of an old answer"
        return ""


@dataclass(frozen=True)
class Verdict:
    action: str
    list: str  # "": the policy itself
    link: str  # as the log says
    at: int = 0  # the QNAME is 0, links follow


SERVFAIL = Reply("SERVFAIL", ede=-1)


def _stops(word: Word, tcp: bool) -> bool:
    return word.action != PASS and not (word.action == TRUNCATE and tcp)


def verdict_of(treatment: Treatment, name: Name, *, cd: bool, tcp: bool, own: dict[str, str]) -> Verdict | None:
    """Which part is blocked, and by what (SEMANTICS sections 3, 5 and 6). `own`: the administrator's rules, which come
    before all lists: role -> "block", "allow"."""
    words, allowed = treatment.words, own.get(name.role) == "allow"
    if own.get(name.role) == "block":
        return Verdict(treatment.mode, "local", "qname")
    if not allowed:
        if name.role == "safe" and treatment.safe:
            return Verdict(TO_SAFE, f"safe-search-{name.qname.split('.')[-2]}", "qname")
        allowed = name.role in treatment.allows
        part = "client" if "client" in words else name.role
        if part in words and not allowed:
            if _stops(words[part], tcp):
                return Verdict(words[part].action, words[part].list, "client" if part == "client" else "qname")
            words = {}
        elif treatment.denies and not allowed:
            return Verdict(treatment.mode, "", "default_deny")
    if allowed and not treatment.strict:
        words = {}
    for at, (role, kind) in enumerate(_parts_behind(name, cd), 1):
        if own.get(role) == "block" and kind == "alias":
            return Verdict(treatment.mode, "local", "alias", at)
        if own.get(role) == "allow" or kind == "alias" and role in treatment.allows:
            continue
        if role == "private" and treatment.rebinding:
            return Verdict(NODATA, "", "rebinding", at)
        if role in words and _stops(words[role], tcp):
            return Verdict(words[role].action, words[role].list, kind, at)
        if role in words:
            words = {}
    return None


def _parts_behind(name: Name, cd: bool) -> list[tuple[str, str]]:
    """What is known of an answer behind its QNAME: what a bogus link says is not."""
    parts = []
    for link in name.links:
        if link.security == BOGUS and not cd:
            return parts
        parts.append((link.role, "alias"))
    if name.security == BOGUS and not cd:
        return parts
    parts += [(name.service, "alias")] if name.service else []
    parts += [(name.address, "address")] if name.address else []
    parts += [("servers", "name_server")] if name.served else []
    return parts


def _substituted(name: Name, action: str, cd: bool, reachable: bool | None) -> list[Reply]:
    """Behind an alias to somewhere else."""
    target = {BESIDE_IT: f"{name.qname}.garden.example", TO_SAFE: SAFE_TARGETS.get(name.qname, "")}.get(action) or TARGETS[action]
    address = {BESIDE_IT: BESIDE, TO_SAFE: SAFE, GARDEN: WALLED}.get(action, DYING)
    security = {TO_BOGUS: BOGUS, TO_SAFE: name.security}.get(action, SECURE)
    dies = action in (TO_DYING, TO_BOGUS, TO_SAFE)
    code = SYNTHESISED if action == TO_SAFE else BLOCKED
    if security == BOGUS and not cd or dies and reachable is False:
        return [SERVFAIL]
    alias = (name.qname + ".", "CNAME", target + ".")
    records = {alias, (target + ".", "A", address)} if name.type == "A" else {alias}
    found = [Reply("NOERROR", frozenset(records), name.type != "A", code)]
    return found + [SERVFAIL] * (dies and reachable is None)


def _block_answer(treatment: Treatment, name: Name, verdict: Verdict, *, cd: bool,
                  reachable: bool | None) -> list[Reply | None]:
    """SEMANTICS section 4."""
    action = verdict.action
    if action == DROP:
        return [None]
    if action in TARGETS or action in (BESIDE_IT, TO_SAFE):
        found = _substituted(name, action, cd, reachable)
        return [_replaced(reply, ede=FORGED) if treatment.forged and reply.ede == BLOCKED else reply for reply in found]
    recursion = treatment.name != "ra0"
    if action == TRUNCATE:
        return [Reply("NOERROR", ede=BLOCKED, truncated=True)]
    if action == REFUSED:
        return [Reply("REFUSED", ede=BLOCKED, recursion=recursion)]
    # The administrator's rules are patterns, which cover no whole subtree.
    if action == NXDOMAIN and verdict.link in ("qname", "client") and verdict.list != "local":
        return [Reply("NXDOMAIN", denies=True, ede=BLOCKED)]
    address = {NULL: "::" if name.type == "AAAA" else "0.0.0.0", ADDRESS: OWN_ADDRESS, DATA: LOCAL_DATA,
               "rewrite": REWRITTEN}.get(action)
    has_it = address is not None and (name.type == "A" or action == NULL and name.type == "AAAA")
    owner, before = name.qname, frozenset()
    if treatment.shown and verdict.link == "alias" and verdict.at <= len(name.links):
        owner = name.links[verdict.at - 1].target
        # Of what failed only the links are known.
        failed = name.worst == BOGUS and not cd
        before = frozenset(record for link in name.links[:verdict.at] for record in link.records
                           if record[1] == "CNAME" or not failed)
    records = frozenset([(owner + ".", name.type, address)]) if has_it else frozenset()
    code = None if action == DATA else FORGED if action == "rewrite" else BLOCKED
    return [Reply("NOERROR", before | records, not has_it, code, recursion=recursion)]


def _replaced(reply: Reply, **changes) -> Reply:
    return Reply(**{**reply.__dict__, **changes})


def expected(treatment: Treatment, name: Name, *, do: bool, cd: bool, tcp: bool, old: bool | None = False,
             reachable: bool | None = True, own: dict[str, str] | None = None,
             ) -> tuple[list[Reply | None], Verdict | None]:
    """What may come, and the verdict that it comes of. `reachable`: the zones' servers answer; else there is what has
    expired; None: they do again, and some failures are remembered."""
    verdict = verdict_of(treatment, name, cd=cd, tcp=tcp, own=own or {})
    is_bogus = name.worst == BOGUS and not cd
    if verdict is not None:
        found = _block_answer(treatment, name, verdict, cd=cd, reachable=reachable)
        # Nobody gives the alias that has ended, and what failed is no old answer.
        may_fail = verdict.at > 0 and (reachable is None or is_bogus and not reachable)
        return found + [SERVFAIL] * may_fail, verdict
    if is_bogus:
        # Where somebody does not answer, nobody knows that it would be bogus: a link, or who serves it, may be blocked.
        behind = verdict_of(treatment, name, cd=True, tcp=tcp, own=own or {})
        if behind is None or reachable or behind.link not in ("alias", "name_server"):
            return [SERVFAIL], None
        return [SERVFAIL, *_block_answer(treatment, name, behind, cd=cd, reachable=reachable)], behind
    is_good = name.worst == SECURE and do
    found = [Reply(name.rcode, name.records, not name.data, None, authentic=is_good and not cd,
                   signed=name.worst == SECURE, old=old)]
    return found + [SERVFAIL] * (reachable is None), None
