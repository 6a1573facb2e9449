"""DNSSEC as attackers need it: Ed25519 (RFC 8032) in plain integers, keys whose tags collide, DS, RRSIG, NSEC3.

Slow (milliseconds a signature), from fixed seeds, and for nothing but tests.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import struct
import time

from tests.attack.messages import NUMBERS, Rr
from tests.support.dns import wire_name

ED25519 = 15
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]  # X, Y, Z, T of RFC 8032 section 5.1.4


def _add(a: Point, b: Point) -> Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    g, h, i, j = f - e, d - c, d + c, f + e
    return g * h % P, i * j % P, h * i % P, g * j % P


def _times(scalar: int, point: Point) -> Point:
    result: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _recover_x(y: int, sign: int) -> int | None:
    """None where no point of the curve has this y."""
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_M1 % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 != sign else x


def is_point(key: bytes) -> bool:
    number = int.from_bytes(key, "little")
    return _recover_x(number & (1 << 255) - 1, number >> 255) is not None


_BASE_Y = 4 * pow(5, P - 2, P) % P
_BASE_X = _recover_x(_BASE_Y, 0)
_BASE: Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % P)


def _encode(point: Point) -> bytes:
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


class Key:
    """One that can sign."""

    def __init__(self, zone: str, seed: str, flags: int = 257) -> None:
        digest = hashlib.sha512(hashlib.sha256(seed.encode()).digest()).digest()
        self._scalar = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
        self._prefix = digest[32:]
        self.zone = zone
        self.public = _encode(_times(self._scalar, _BASE))
        self.rdata = dnskey_rdata(self.public, flags)
        self.tag = key_tag(self.rdata)

    @property
    def dnskey(self) -> Rr:
        return Rr(self.zone, "DNSKEY", self.rdata, 3600)

    def ds(self) -> str:
        digest = hashlib.sha256(wire_name(self.zone) + self.rdata).hexdigest()
        return f"{self.zone} IN DS {self.tag} {ED25519} 2 {digest}"

    def _sign(self, data: bytes) -> bytes:
        r = int.from_bytes(hashlib.sha512(self._prefix + data).digest(), "little") % ORDER
        point = _encode(_times(r, _BASE))
        k = int.from_bytes(hashlib.sha512(point + self.public + data).digest(), "little") % ORDER
        return point + ((r + k * self._scalar) % ORDER).to_bytes(32, "little")

    def rrsig(self, records: list[Rr], *, labels: int | None = None, owner: str = "") -> Rr:
        """Over one RRset. `labels`: fewer than the owner has, as of a wildcard; `owner`: that answers go out with."""
        first = records[0]
        header, canonical = rrsig_header(records, self.zone, self.tag, labels)
        return Rr(owner or first.owner, "RRSIG", header + self._sign(header + canonical), first.ttl)


def dnskey_rdata(public: bytes, flags: int = 256) -> bytes:
    return struct.pack(">HBB", flags, 3, ED25519) + public


def key_tag(rdata: bytes) -> int:
    total = sum(octet << 8 if i % 2 == 0 else octet for i, octet in enumerate(rdata))
    return total + (total >> 16 & 0xFFFF) & 0xFFFF


def rrsig_header(records: list[Rr], zone: str, tag: int, labels: int | None = None) -> tuple[bytes, bytes]:
    """RDATA before the signature, and the records in canonical form (RFC 4034 section 3.1.8.1)."""
    first, now = records[0], int(time.time())
    own = len([label for label in first.owner.split(".") if label and label != "*"])
    header = struct.pack(">HBBIIIH", first.number, ED25519, own if labels is None else labels, first.ttl,
                         now + 86400 * 7, now - 86400, tag) + wire_name(zone)
    owner = wire_name(first.owner)
    if labels is not None and labels < own:
        owner = b"\1*" + wire_name(".".join(first.owner.rstrip(".").split(".")[-labels:]))
    canonical = b""
    for rdata in sorted(record.rdata() for record in records):
        canonical += owner + struct.pack(">HHIH", first.number, 1, first.ttl, len(rdata)) + rdata
    return header, canonical


@functools.cache
def _noise(number: int) -> bytes:
    noise = hashlib.sha512(f"bogus {number}".encode()).digest()
    point = noise[:32]
    while not is_point(point):
        point = hashlib.sha256(point).digest()
    return point + noise[32:63] + b"\0"


def bogus_rrsig(records: list[Rr], zone: str, tag: int, number: int) -> Rr:
    """Looks right until it is computed: R is a point of the curve, S is below the order."""
    header, _ = rrsig_header(records, zone, tag)
    return Rr(records[0].owner, "RRSIG", header + _noise(number), records[0].ttl)


def colliding_keys(zone: str, tag: int, count: int) -> list[Rr]:
    """DNSKEYs with this one tag, all of them points: 30 octets by chance, the last word so that the sum comes out."""
    keys: list[Rr] = []
    number = 0
    while len(keys) < count:
        number += 1
        rdata = dnskey_rdata(hashlib.sha256(f"{zone} {number}".encode()).digest()[:30] + b"\0\0")
        missing = (tag - key_tag(rdata)) % 0xFFFF
        rdata = rdata[:-2] + struct.pack(">H", missing)
        if key_tag(rdata) == tag and is_point(rdata[4:]):
            keys.append(Rr(zone, "DNSKEY", rdata, 3600))
    return keys


# ---- denial of existence --------------------------------------------------------------------------------------------

def type_bitmap(types: list[str]) -> bytes:
    """All below 256 (RFC 4034 section 4.1.2)."""
    bits = bytearray(32)
    for type in types:
        bits[NUMBERS[type] // 8] |= 0x80 >> NUMBERS[type] % 8
    while bits and not bits[-1]:
        bits.pop()
    return bytes([0, len(bits)]) + bytes(bits)


def nsec(owner: str, following: str, types: list[str], ttl: int = 60) -> Rr:
    return Rr(owner, "NSEC", wire_name(following) + type_bitmap(types), ttl)


@functools.cache
def nsec3_hash(name: str, iterations: int, salt: bytes) -> bytes:
    digest = hashlib.sha1(wire_name(name) + salt).digest()
    for _ in range(iterations):
        digest = hashlib.sha1(digest + salt).digest()
    return digest


def base32hex(data: bytes) -> str:
    return base64.b32hexencode(data).decode().lower().rstrip("=")


def nsec3(zone: str, hashed: bytes, following: bytes, types: list[str], iterations: int, salt: bytes, *,
          flags: int = 0, ttl: int = 60) -> Rr:
    rdata = struct.pack(">BBHB", 1, flags, iterations, len(salt)) + salt + bytes([len(following)]) + following
    return Rr(f"{base32hex(hashed)}.{zone}", "NSEC3", rdata + (type_bitmap(types) if types else b""), ttl)


def covering(zone: str, name: str, iterations: int, salt: bytes, **options) -> Rr:
    """An NSEC3 just around the hash of `name`."""
    value = int.from_bytes(nsec3_hash(name, iterations, salt), "big")
    before, after = (number.to_bytes(20, "big") for number in (value - 1, value + 1))
    return nsec3(zone, before, after, [], iterations, salt, **options)


def matching(zone: str, name: str, types: list[str], iterations: int, salt: bytes, **options) -> Rr:
    value = int.from_bytes(nsec3_hash(name, iterations, salt), "big")
    return nsec3(zone, value.to_bytes(20, "big"), (value + 1).to_bytes(20, "big"), types, iterations, salt, **options)
