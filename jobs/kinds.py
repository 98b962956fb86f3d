"""What kinds of jobs there are: apps declare them in their `tasks` module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext

from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput, did_you_mean, quoted
from audit.models import OPERATIONS
from jobs.models import Job
from jobs.progress import Progress

Run = Callable[[Actor, dict[str, Any], Progress], Mapping[str, Any]]
Links = Callable[[Job], Sequence["Link"]]
Resources = Callable[[Job], Mapping[str, str]]


@dataclass(frozen=True)
class Link:
    """Where a job's page leads its owner on: in words, translated."""

    text: str
    url: str
    is_main: bool = False


@dataclass(frozen=True)
class Kind:
    """One kind of job."""

    name: str
    run: Run
    operation: str
    title: str  # for people, to be translated
    is_repeatable: bool
    links: Links | None = None
    resources: Resources | None = None


_kinds: dict[str, Kind] = {}


def register(
    name: str,
    *,
    repeatable: bool,
    operation: str | None = None,
    title: str | None = None,
    links: Links | None = None,
    resources: Resources | None = None,
) -> Callable[[Run], Run]:
    """This function will make a function the work of a kind of job: `run(actor, arguments, progress)`.

    The function calls a service, which checks the actor's rights and writes its own audit row; what it returns, of
    JSON, is the job's result. A kind is named as its operation in the trail, in small letters, or says which it is. The
    title is what people read; without one it is the name. `links` says where its page leads on, `resources` the same to
    programs.

    Work that is `repeatable` goes on by itself when its worker dies. Then it does no harm to do it again: what a dead
    worker leaves is nothing, or would be done anyway, or the work is one transaction, which calls `progress.keep`.
    Any other has failed, and a person decides.

    :raises ValueError: the trail knows no such operation
    """
    operation = operation or name.upper()
    if operation not in OPERATIONS:
        raise ValueError(f"{name}: the trail knows no operation {operation}.")

    def decorate(run: Run) -> Run:
        people_read = title or name.replace("_", " ").capitalize()
        _kinds[name] = Kind(name, run, operation, people_read, repeatable, links, resources)
        return run

    return decorate


@cache
def load() -> None:
    """This function will import what apps declare: kinds, and schedules of them."""
    autodiscover_modules("tasks")


def get(name: str) -> Kind:
    """This function will return a kind by its name.

    :raises InvalidInput: there is none
    """
    load()
    if name not in _kinds:
        raise InvalidInput(
            f"There is no kind of job {quoted(name)}.{did_you_mean(name, _kinds)}", kind=quoted(name)
        )
    return _kinds[name]


def is_repeatable(name: str) -> bool:
    """This function will say whether a job of a kind goes on by itself when its worker has died."""
    load()
    return name in _kinds and _kinds[name].is_repeatable


def title(name: str) -> str:
    """This function will return how people call a kind; one that is gone by its name."""
    load()
    return gettext(_kinds[name].title) if name in _kinds else name


def links(job: Job) -> Sequence[Link]:
    """This function will return where a job's page leads its owner on."""
    load()
    kind = _kinds.get(job.kind)
    return kind.links(job) if kind is not None and kind.links is not None else ()


def resources(job: Job) -> Mapping[str, str]:
    """This function will return the paths at which programs find what a job has made, by what they are to it."""
    load()
    kind = _kinds.get(job.kind)
    return kind.resources(job) if kind is not None and kind.resources is not None else {}
