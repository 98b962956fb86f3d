"""Lists that people keep under a name: each person's own, and those that somebody shares.

The trail tells of them as it does of accounts: to whoever did it, and to those who see all of it, since whoever reads
the table may know nothing of another's views. Of what a view asks for it has a digest alone: that may name a column
which is hidden from a reader of the trail.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import AuthenticationRequired, InvalidInput, LimitExceeded, NotFound
from accesscontrol.policy import Operation, Right
from audit import changes, trail
from audit.trail import Entry
from catalog.models import SavedView
from catalog.services import fingerprint, values
from catalog.table import Table

MAX_NAME_CHARS = 80
MAX_QUERY_CHARS = 4_000
MAX_VIEWS = 50  # of one person and one table


def visible(actor: Actor, table: Table) -> QuerySet[SavedView]:
    """This function will return the views of a table that the actor may open: their own, and shared ones.

    :raises Forbidden: the actor may not read the table
    """
    policy.require(actor, Operation.READ, table)
    open_to = Q(owner=_user(actor)) | Q(is_shared=True)
    return (
        SavedView.objects.filter(open_to, table_name=table.name)
        .select_related("owner")
        .only("name", "query", "is_shared", "owner__username")
        .order_by("name", "pk")
    )


@transaction.atomic
def save(*, actor: Actor, table: Table, name: str, query: str, is_shared: bool) -> SavedView:
    """This function will keep a list under a name; a view of the actor's own with that name becomes this one.

    :raises Forbidden: the actor may not read the table
    :raises InvalidInput: no name, or a text that is too long or that PostgreSQL can't hold
    :raises LimitExceeded: the actor has 50 views of this table
    """
    policy.require(actor, Operation.READ, table)
    name = " ".join(values.storable(name, "The name").split())
    if not name or len(name) > MAX_NAME_CHARS:
        raise InvalidInput(f"A view needs a name of at most {MAX_NAME_CHARS} characters.", argument="name")
    if len(values.storable(query, "The address")) > MAX_QUERY_CHARS:
        raise InvalidInput("This list has too many filters to be kept.", argument="query")
    user = _user(actor)
    User.objects.select_for_update(no_key=True).get(
        pk=user.pk
    )  # the views of one person are counted one by one
    own = SavedView.objects.filter(owner=user, table_name=table.name)
    if own.exclude(name=name).count() >= MAX_VIEWS:
        raise LimitExceeded(
            f"You have {MAX_VIEWS} views of this table.", hint="Delete one first.", maximum=MAX_VIEWS
        )
    before = own.filter(name=name).first()
    view, _ = SavedView.objects.update_or_create(
        owner=user, table_name=table.name, name=name, defaults={"query": query, "is_shared": is_shared}
    )
    _tell(actor, "SAVE_VIEW", before, view)
    return view


@transaction.atomic
def delete(*, actor: Actor, table: Table, key: int) -> str:
    """This function will delete a view and return its name: one's own, or as who manages access a shared one.

    :raises Forbidden: the actor may not read the table
    :raises NotFound: there is none that the actor may delete
    """
    view = visible(actor, table).select_for_update(of=("self",)).filter(pk=key).first()
    if view is None or not may_delete(actor, view):
        raise NotFound("There is no such view of yours.")
    name = view.name
    _tell(actor, "DELETE_VIEW", view, None)
    view.delete()
    return name


def may_delete(actor: Actor, view: SavedView) -> bool:
    """This function will say whether the actor may delete a view that they may open."""
    return view.owner_id == _user(actor).pk or policy.holds(actor, Right.MANAGE_ACCESS).allowed


def _tell(actor: Actor, operation: str, before: SavedView | None, after: SavedView | None) -> None:
    """Write to the trail what became of a view, in the transaction of the change."""
    view = after or before
    assert view is not None  # noqa: S101 - there was one, or there is now
    told = changes.diff(_told(before), _told(after))
    subject = f"view {view.name} of {view.table_name}"
    trail.record(Entry(actor, operation, record_id=subject, record_count=1, changes=told))


def _told(view: SavedView | None) -> dict[str, Any] | None:
    if view is None:
        return None
    return {
        "owner": view.owner.get_username(),
        "is_shared": view.is_shared,
        "filters": fingerprint.of(None, view.query),
    }


def _user(actor: Actor) -> User:
    if actor.user is None:
        raise AuthenticationRequired
    return actor.user
