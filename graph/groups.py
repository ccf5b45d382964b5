"""Groups of numbers that grow together (union-find)."""

from __future__ import annotations

from collections.abc import Iterable


class Groups:
    """Numbers in groups that become one when they are joined."""

    def __init__(self, members: Iterable[int]) -> None:
        self._above = {member: member for member in members}

    def add(self, member: int) -> None:
        """Takes a member in, as a group of its own."""
        self._above[member] = member

    def root(self, member: int) -> int:
        """Returns the member that stands for the whole group."""
        while self._above[member] != member:
            self._above[member] = self._above[self._above[member]]
            member = self._above[member]
        return member

    def join(self, one: int, other: int) -> None:
        """Makes one group of two."""
        first, second = sorted((self.root(one), self.root(other)))
        self._above[second] = first

    def all(self) -> list[list[int]]:
        """Returns all groups, and their members, in the order in which they came."""
        found: dict[int, list[int]] = {}
        for member in self._above:
            found.setdefault(self.root(member), []).append(member)
        return list(found.values())
