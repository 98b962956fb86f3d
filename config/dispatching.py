"""Finds the view of an address among many by what stands in it, where Django would try one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.urls import ResolverMatch, URLPattern, URLResolver
from django.urls.resolvers import RoutePattern


class ByFirstName(URLResolver):
    """Addresses below a route, looked up by their first name; those that begin with none come last.

    Where an address without variables leads is found out once.
    """

    def __init__(self, route: str, patterns: Sequence[URLPattern | URLResolver], name: str) -> None:
        super().__init__(
            RoutePattern(route, is_endpoint=False), list(patterns), app_name=name, namespace=name
        )

    def resolve(self, path: Any) -> ResolverMatch:
        """Return what answers at a path.

        :raises Resolver404: nothing does
        """
        return self._fixed.get(path) or self._find(path)

    @cached_property
    def _fixed(self) -> dict[str, ResolverMatch]:
        """What answers at each address without variables."""
        paths = [f"{self.pattern}{found.pattern}" for found in self.url_patterns if _is_fixed(found)]
        return {path: self._find(path) for path in paths}

    def _find(self, path: str) -> ResolverMatch:
        route = str(self.pattern)
        name = path[len(route) :].partition("/")[0] if path.startswith(route) else ""
        return (self._narrowed.get(name) or self._narrowed[""]).resolve(path)

    @cached_property
    def _narrowed(self) -> dict[str, URLResolver]:
        """For each first name, a resolver of the addresses that begin with it, and of those that begin with none."""
        names = [str(pattern.pattern).partition("/")[0] for pattern in self.url_patterns]
        names = ["" if "<" in name else name for name in names]
        return {
            wanted: URLResolver(
                self.pattern,
                [found for found, name in zip(self.url_patterns, names, strict=True) if name in {wanted, ""}],
                app_name=self.app_name,
                namespace=self.namespace,
            )
            for wanted in {*names, ""}
        }


def _is_fixed(found: URLPattern | URLResolver) -> bool:
    is_whole = isinstance(found, URLPattern) and isinstance(found.pattern, RoutePattern)
    return is_whole and "<" not in str(found.pattern)
