"""Who acts, and through which face: passed to every service, never global."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

from django.contrib.auth.management import get_system_username
from django.contrib.auth.models import User

from accesscontrol import grants

if TYPE_CHECKING:
    from accesscontrol.scopes import Scope

CREDENTIAL: Final = ("key", "token")  # how client_info names what a program came with; never by its secret


class Channel(StrEnum):
    """The face a request came through, as the audit trail names it."""

    ADMIN = "admin"
    API = "api"
    MCP = "mcp"
    TASK = "task"
    COMMAND = "command"


@dataclass(frozen=True, eq=False)
class Actor:
    """One caller for the length of one request or call.

    Make a new one for each: rights are read once for an Actor, so that rights taken away are gone
    at the next call.
    """

    user: User | None  # None: nobody logged in, who is refused everything
    channel: Channel
    client_info: Mapping[str, Any] = field(default_factory=dict)  # ip, user agent, MCP client; never a secret
    request_id: UUID = field(default_factory=uuid4)
    scope: Scope | None = None  # what the credential may at most; None: all that the user may
    # What reads a credential again that was known under a mark (see grants), and raises where it is no good any more.
    known_under: str | None = None
    check_again: Callable[[], Scope | None] | None = field(default=None, repr=False)

    @property
    def credential(self) -> dict[str, Any]:
        """This function will return what names the key or token that a program came with; nothing of a person."""
        return {name: self.client_info[name] for name in CREDENTIAL if name in self.client_info}

    @property
    def username(self) -> str | None:
        """This function will return the name that the audit trail keeps when the user is gone.

        It is the name of now where what the user may do is known, which was read with it.
        """
        if self.user is None:
            return None
        known = self.grants.username if self.has_grants else None
        return known or self.user.get_username()

    @property
    def rows(self) -> int:
        """This function will return how many records the operations of this actor have read or written."""
        return int(self.__dict__.get("counted", 0))

    def count(self, rows: int) -> None:
        """This function will take note of records that an operation has read or written."""
        self.__dict__["counted"] = self.rows + rows

    @property
    def has_grants(self) -> bool:
        """This function will say whether what the user may do is known, or there is no user."""
        return self.user is None or "grants" in self.__dict__

    def know(self, found: grants.Grants, mark: str | None = None) -> None:
        """This function will take what the user may do, under the mark of now, from who has read it on the way.

        :raises AuthenticationRequired: the credential was known under another mark, and is no good any more
        """
        self.__dict__["grants"] = found
        if mark is None or mark != self.known_under:
            self._check_credential()

    def assume(self, found: grants.Grants, mark: str) -> bool:
        """This function will take what the user could do under a mark, for who finds out whether that is still the one.

        It says whether it did: not where something is known already, or the credential would have to be read again.
        """
        if self.has_grants or (self.check_again is not None and self.known_under != mark):
            return False
        self.__dict__["grants"] = found
        return True

    def forget(self) -> None:
        """This function will forget what was assumed."""
        self.__dict__.pop("grants", None)

    def _check_credential(self) -> None:
        if self.check_again is not None:
            self.__dict__.update(scope=self.check_again(), check_again=None)

    @cached_property
    def grants(self) -> grants.Grants:
        """This function will return what the user may do as of the first look, read in one query.

        :raises AuthenticationRequired: the credential is no good any more
        """
        self._check_credential()
        return grants.load(self.user) if self.user else grants.Grants()


def on_this_machine() -> Actor:
    """This function will return who runs a command: no account of ours, so named as the system names them."""
    return Actor(None, Channel.COMMAND, {"system_user": get_system_username()})
