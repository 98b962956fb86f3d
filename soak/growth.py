"""What is watched while a run works, since it should not grow: memory and connections."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from soak.ledger import Ledger
from soak.places import Place

GROWTH_MB, GROWTH = 25, 1.15  # what the memory of a server may grow by from the second quarter to the last
CONNECTIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


class Watch:
    """Samples of a server's memory and of the connections of its database."""

    def __init__(self) -> None:
        self.memory: list[float] = []
        self.connections: list[float] = []

    def look(self, place: Place, memory_mb: float) -> None:
        """This function will take a sample."""
        self.memory.append(memory_mb)
        self.connections.append(float(place.read(CONNECTIONS)[0][0]))

    def judge(self, ledger: Ledger, server: str, *, connections: float = 0) -> None:
        """This function will write down what was seen, and what should not have grown.

        So many connections there may be, though they were not all opened in the first half of a short run.
        """
        ledger.figures[f"memory of {server}, MB"] = _told(self.memory)
        ledger.figures["connections"] = _told(self.connections)
        before, after = _second_quarter(self.memory), _last_quarter(self.memory)
        ledger.require(
            after <= max(before * GROWTH, before + GROWTH_MB),
            f"the memory of {server} grew: {_told(self.memory)}",
        )
        ledger.require(
            _last_quarter(self.connections)
            <= max(connections, *self.connections[: len(self.connections) // 2]) + 1,
            f"the connections grew: {_told(self.connections)}",
        )


def _second_quarter(samples: Sequence[float]) -> float:
    return median(samples[len(samples) // 4 : len(samples) // 2])


def _last_quarter(samples: Sequence[float]) -> float:
    return median(samples[3 * len(samples) // 4 :])


def _told(samples: Sequence[float]) -> str:
    before, after = _second_quarter(samples), _last_quarter(samples)
    return (
        f"{before:.0f} in the second quarter of the time, {after:.0f} in the last, {max(samples):.0f} at most"
    )
