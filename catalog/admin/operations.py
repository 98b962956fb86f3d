"""Which right each of Django's words for what a page does needs on a table."""

from __future__ import annotations

from accesscontrol.pages import ADD, CHANGE, DELETE, VIEW
from accesscontrol.policy import Operation

OPERATIONS = {
    VIEW: Operation.READ,
    ADD: Operation.INSERT,
    CHANGE: Operation.UPDATE,
    DELETE: Operation.DELETE,
}
