"""Servers that misbehave: behaviour.py says how they are written, __main__.py serves them."""

from tests.support.odd_servers import content, transport  # noqa: F401, each adds its behaviours
from tests.support.odd_servers.behaviour import BEHAVIOURS, Asked, address_of, addresses, other_address_of

__all__ = ["BEHAVIOURS", "Asked", "address_of", "addresses", "other_address_of"]
