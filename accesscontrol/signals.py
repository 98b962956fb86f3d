from __future__ import annotations

from django.dispatch import Signal

# Sent inside the transaction of the change, with: actor, operation (GRANT, REVOKE, USER_CHANGED …),
# subject (the account or role) and changes ({what: {"old": …, "new": …}}). The audit trail records it.
access_changed = Signal()
