"""What a face does with every refusal: it tells the trail, once the operation is rolled back."""

from __future__ import annotations

from accesscontrol.actor import Actor
from accesscontrol.errors import AuthenticationRequired, RateLimited, Refused
from audit import repeats, trail


def record(
    actor: Actor,
    operation: str,
    table_name: str | None,
    refusal: Refused,
    execution_time_ms: float = 0.0,
    *,
    dry_run: bool = False,
) -> None:
    """This function will write a refusal into the trail; of who is unknown or comes too often repeats counts it."""
    if isinstance(refusal, AuthenticationRequired | RateLimited):
        repeats.record(actor, operation, refusal)
    else:
        trail.record_refusal(actor, operation, table_name, refusal, execution_time_ms, dry_run=dry_run)
