"""Who answers at which address, and the top of the tree: a root, and top-level domains that delegate what families ask.

Names in the tree: `evil.` is the attackers', `victim.` the victims', `good.` what honest clients ask. All have the
server at TLD; whatever lies below is at addresses of the families' own, in 10.53.0.0/16.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.attack.messages import (NXDOMAIN, QR, REFUSED, Query, Reply, Rr, referral, soa)

ROOT = "10.53.0.1"
TLD = "10.53.0.2"
TLDS = ("evil.", "victim.", "good.")

Servers = list[tuple[str, list[str]]]  # name, addresses; without any: no glue
Handler = Callable[[Query], object]  # what it gives is said in Server.answer()


class Zone:
    """Records that are served as a name server should: referrals, wildcards, aliases, denials with SOA."""

    def __init__(self, apex: str, records: list[Rr], ttl: int = 60) -> None:
        self.apex = apex
        self.soa = soa(apex, ttl, ttl)
        self._records: dict[tuple[str, int], list[Rr]] = {}
        self._names: set[str] = {apex}
        for record in [self.soa, *records]:
            self.add(record)

    def add(self, record: Rr) -> None:
        self._records.setdefault((record.owner, record.number), []).append(record)
        name = record.owner
        while name != self.apex and name not in self._names:
            self._names.add(name)
            name = name.partition(".")[2] or "."

    def _cut(self, name: str, is_ds: bool) -> str | None:
        below = name[:len(name) - len(self.apex)].rstrip(".").split(".") if name != self.apex else []
        cut = self.apex
        for label in reversed(below):
            cut = f"{label}.{cut}" if cut != "." else f"{label}."
            if (cut, 2) in self._records and not (is_ds and cut == name):
                return cut
        return None

    def handle(self, query: Query) -> Reply:
        if not query.below(self.apex):
            return Reply(rcode=REFUSED, flags=QR)
        cut = self._cut(query.name, query.is_a("DS"))
        if cut:
            names = [record.data for record in self._records[cut, 2]]
            glue = [record for name in names for type in (1, 28) for record in self._records.get((name, type), [])]
            return Reply(authority=self._records[cut, 2], additional=glue, flags=QR)
        owner = query.name
        if owner not in self._names:
            owner = "*." + query.name.partition(".")[2]
        for type in (query.type, 5):
            found = self._records.get((owner, type))
            if found:
                return Reply([Rr(query.name, record.type, record.data, record.ttl) for record in found])
        return Reply(authority=[self.soa], rcode=0 if owner in self._names or owner == query.name else NXDOMAIN)


class World:
    def __init__(self) -> None:
        self._at: dict[str, Handler] = {}
        self._tell: dict[str, Callable] = {}
        root = [Rr(".", "NS", "a.root.", 86400), Rr("a.root.", "A", ROOT, 86400)]
        for tld in TLDS:
            root += [Rr(tld, "NS", f"ns.{tld}", 86400), Rr(f"ns.{tld}", "A", TLD, 86400)]
        self.serve(ROOT, Zone(".", root, 86400).handle)
        self._tlds = {tld: Zone(tld, [Rr(tld, "NS", f"ns.{tld}", 86400), Rr(f"ns.{tld}", "A", TLD, 86400)], 900)
                      for tld in TLDS}
        self.serve(TLD, lambda query: self.tld_of(query.name).handle(query))

    def tld_of(self, name: str) -> Zone:
        return self._tlds.get(name.rstrip(".").rpartition(".")[2] + ".", self._tlds["good."])

    def serve(self, where: str, handler: Handler) -> None:
        """`where`: an address, or the beginning of some: "10.53.7."."""
        if where in self._at:
            raise ValueError(f"{where} is served already")
        self._at[where] = handler

    def delegate(self, zone: str, servers: Servers, ttl: int = 3600) -> None:
        """By the top-level domain; `zone` has two labels."""
        tld = self.tld_of(zone)
        for record in (*referral(zone, servers, ttl).authority, *referral(zone, servers, ttl).additional):
            tld.add(record)

    def on_tell(self, family: str, obey: Callable) -> None:
        """obey(word, server) is what {"do": "tell", "family": family} does."""
        self._tell[family] = obey

    def tell(self, family: str, word, server):
        return self._tell[family](word, server)

    def handle(self, query: Query):
        handler = self._at.get(query.server) or self._at.get(query.server[:query.server.rindex(".") + 1])
        return handler(query) if handler else None
