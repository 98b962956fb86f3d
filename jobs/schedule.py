"""What is done at fixed times: apps declare it, administrators may change it, and each slot is done once.

A slot is the moment that a plan names. Beat, the broker and every sweep may ask for it as often as they like: there is
one job for a kind and a slot. So a slot that was missed, whoever slept, is caught up with once, the last one alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from celery.schedules import ParseException
from django.db import transaction
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from accesscontrol import policy, service_users
from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import InvalidInput, NotFound
from accesscontrol.policy import Right
from accesscontrol.signals import access_changed
from jobs import kinds, services, waking
from jobs.models import Job
from jobs.slots import latest

USER: Final = "schedule"
ROLE: Final = "Backup operator"
_FIELDS: Final = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")


@dataclass(frozen=True)
class Declared:
    """One entry of the schedule as an app declares it."""

    name: str
    task: str
    plan: Mapping[str, Any]
    arguments: list[str] = field(default_factory=list)
    keywords: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""


_declared: dict[str, Declared] = {}


def declare(
    name: str, *, kind: str, crontab: str, arguments: Mapping[str, Any] | None = None, description: str = ""
) -> None:
    """This function will declare that a kind of job is run at the times of a crontab's five fields, in UTC.

    :raises InvalidInput: that is no crontab
    """
    plan = {"crontab": parse(crontab)}
    _declared[name] = Declared(name, waking.RUN_SCHEDULED, plan, [kind], dict(arguments or {}), description)


def declare_task(name: str, *, task: str, every_s: int, description: str = "") -> None:
    """This function will declare that a task, which is no job, is done every so many seconds."""
    plan = {"interval": {"every": every_s, "period": IntervalSchedule.SECONDS}}
    _declared[name] = Declared(name, task, plan, description=description)


@transaction.atomic
def install() -> list[str]:
    """This function will put what is declared into the schedule, and return the names of what was new.

    What is there keeps its times, and whether it is enabled: an administrator may have changed them.
    """
    kinds.load()
    there = {entry.name: entry for entry in PeriodicTask.objects.filter(name__in=_declared)}
    new = []
    for declared in _declared.values():
        values = {
            "task": declared.task,
            "args": json.dumps(declared.arguments),
            "kwargs": json.dumps(declared.keywords),
            "description": declared.description,
        }
        if (entry := there.get(declared.name)) is None:
            new.append(declared.name)
            PeriodicTask.objects.create(
                name=declared.name, start_time=timezone.now(), **values, **_plan(declared.plan)
            )
        elif any(getattr(entry, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(entry, name, value)
            entry.save()
    return new


def run_due(kind: str | None = None, *, now: datetime | None = None) -> list[Job]:
    """This function will put the last slot of each entry, or of a kind's alone, into the queue unless it was there.

    The jobs work as the service user `schedule`. What was due before the entry was made or changed is nobody's.
    """
    slots = _slots(kind, now or timezone.now())
    there = set(Job.objects.filter(slot__in={slot for _, slot, _ in slots}).values_list("kind", "slot"))
    missing = [found for found in slots if found[:2] not in there]
    if not missing:
        return []
    actor = Actor(service_users.get(USER, role=ROLE), Channel.TASK)
    return [
        services.enqueue(actor=actor, kind=name, slot=slot, arguments=arguments)
        for name, slot, arguments in missing
    ]


def last_slots() -> set[str]:
    """This function will return the slots that the schedule's entries last wanted."""
    return {slot for _, slot, _ in _slots(None, timezone.now())}


def _slots(kind: str | None, now: datetime) -> list[tuple[str, str, dict[str, Any]]]:
    """Kind, slot and arguments of what the schedule's entries last wanted."""
    found = []
    entries = PeriodicTask.objects.filter(task=waking.RUN_SCHEDULED, enabled=True)
    for entry in entries.select_related("crontab", "interval"):
        (name,), arguments = json.loads(entry.args), json.loads(entry.kwargs)
        moment = latest(entry.schedule, now)
        if kind not in {None, name} or moment is None or (entry.start_time and moment < entry.start_time):
            continue
        what = f" {json.dumps(arguments, sort_keys=True)}" if arguments else ""
        found.append((name, f"{moment:%Y-%m-%dT%H:%M:%SZ}{what}", arguments))
    return found


@transaction.atomic
def change(*, actor: Actor, name: str, crontab: str, enabled: bool) -> PeriodicTask:
    """This function will change when an entry of the schedule is run, and whether it is.

    :raises Forbidden: the actor does not manage backups
    :raises NotFound: there is no such entry
    :raises InvalidInput: that is no crontab
    """
    policy.require_right(actor, Right.MANAGE_BACKUPS)
    entry = (
        PeriodicTask.objects.select_for_update(of=("self",)).filter(name=name, crontab__isnull=False).first()
    )
    if entry is None:
        raise NotFound(f"The schedule has no entry {name}.")
    before = _shown(entry)
    plan = _plan({"crontab": parse(crontab)})
    if plan["crontab"] != entry.crontab or (enabled and not entry.enabled):
        entry.start_time = timezone.now()  # what would have been due before was not missed
    entry.crontab, entry.enabled = plan["crontab"], enabled
    entry.save()
    if _shown(entry) != before:
        access_changed.send(
            PeriodicTask,
            actor=actor,
            operation="USER_CHANGED",
            subject=f"user {USER}",
            changes={name: {"old": before, "new": _shown(entry)}},
        )
    return entry


def parse(text: str) -> dict[str, str]:
    """This function will read the five fields of a crontab.

    :raises InvalidInput: that is no crontab
    """
    parts = text.split()
    if len(parts) == len(_FIELDS):
        minute, hour, day, month, weekday = parts
        plan = dict(zip(_FIELDS, (minute, hour, day, month, weekday), strict=True))
        try:
            CrontabSchedule(**plan, timezone="UTC").schedule  # noqa: B018 - made to see that it can be
        except (ParseException, ValueError) as error:
            raise InvalidInput(f"{text!r} is no crontab: {error}.", column="crontab") from error
        return plan
    raise InvalidInput(
        f"{text!r} is no crontab.", column="crontab",
        hint="Five fields: minute, hour, day of the month, month, day of the week; 0 2 * * * is daily at 02:00 UTC.",
    )  # fmt: skip


def text_of(plan: CrontabSchedule) -> str:
    """This function will return a crontab as people write it."""
    return " ".join(getattr(plan, name) for name in _FIELDS)


def _shown(entry: PeriodicTask) -> str:
    return f"{text_of(entry.crontab)} UTC, {'on' if entry.enabled else 'off'}"


def _plan(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a plan, made where there is none like it, by the name of the entry's column."""
    if "interval" in plan:
        return {"interval": IntervalSchedule.objects.get_or_create(**plan["interval"])[0]}
    wanted = {**plan["crontab"], "timezone": "UTC"}
    found = CrontabSchedule.objects.filter(**wanted).first()
    return {"crontab": found or CrontabSchedule.objects.create(**wanted)}
