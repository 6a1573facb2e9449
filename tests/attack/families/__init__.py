"""The attacks, one file a family: the worlds that they need, and the cases that are run in them."""

from __future__ import annotations

import importlib

from tests.attack.world import World

MODULES = ["amplification", "aliases", "delegations", "validation", "forgery", "messages", "clients", "randomness",
           "honest", "memory"]


def _modules():
    return [importlib.import_module(f"tests.attack.families.{name}") for name in MODULES]


def install(world: World) -> None:
    for module in _modules():
        module.install(world)


def cases() -> dict[str, list]:
    """By family."""
    return {module.__name__.rpartition(".")[2]: module.CASES for module in _modules()}


def anchors() -> list[str]:
    """DS records of the signed islands of all families."""
    return [anchor for module in _modules() for anchor in getattr(module, "ANCHORS", [])]


def forward() -> dict[str, str]:
    """Zones that weir forwards, and to whom."""
    return {zone: server for module in _modules() for zone, server in getattr(module, "FORWARD", {}).items()}


def blocked() -> list[str]:
    """Names that weir's list blocks."""
    return [name for module in _modules() for name in getattr(module, "BLOCKED", [])]
