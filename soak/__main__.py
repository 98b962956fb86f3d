"""Runs what takes long: `python -m soak`, as script/soak does."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from time import perf_counter, time

from config import embedded
from soak import (
    backups,
    chains,
    clients,
    connections,
    copies,
    crashes,
    damage,
    disks,
    keeping,
    kills,
    load,
    locks,
    moments,
    restores,
    workers,
)
from soak.ledger import Ledger
from soak.places import database, databases, server, using

SECONDS = 120.0


def _in_a_database(run: Callable[..., Ledger]) -> Callable[..., Ledger]:
    def in_a_database(*, seconds: float, seed: int) -> Ledger:
        with database() as place:
            return run(place, seconds=seconds, seed=seed)

    return in_a_database


def _in_a_server(run: Callable[..., Ledger]) -> Callable[..., Ledger]:
    def in_a_server(*, seconds: float, seed: int) -> Ledger:
        with server(databases.template()) as cluster, using(cluster) as place:
            return run(cluster, place, seconds=seconds, seed=seed)

    return in_a_server


RUNS: dict[str, tuple[str, Callable[..., Ledger]]] = {
    "load": ("threads and agents read, write, batch and undo at once", _in_a_database(load.run)),
    "clients": ("64 programs use the REST API at once", _in_a_database(clients.run)),
    "kills": ("MCP servers are killed in the middle of writes", _in_a_database(kills.run)),
    "workers": (
        "workers are killed and told to end in the middle of jobs",
        _in_a_database(workers.run),
    ),
    "crashes": ("PostgreSQL is killed in the middle of batches", _in_a_server(crashes.run)),
    "backups": (
        "backups are made while others write, and whatever makes them is killed",
        _in_a_server(backups.run),
    ),
    "chains": (
        "chains of incremental backups while eight write, and whatever makes them is killed",
        _in_a_server(chains.run),
    ),
    "keeping": (
        "chains are made, restored and pruned, and whatever does it is killed",
        _in_a_server(keeping.run),
    ),
    "restores": (
        "restores under readers and writers, and whatever restores is killed",
        _in_a_server(restores.run),
    ),
    "moments": (
        "the server and its receiver are killed, it is lost with its disk, and moments are brought back",
        _in_a_server(moments.run),
    ),
    "disks": ("disks fill up under backups, exports and restores (as root)", disks.run),
    "damage": ("backups are damaged at random places, and each is found", _in_a_database(damage.run)),
    "copies": (
        "copies in a bucket that fails, and whoever copies is killed",
        _in_a_database(copies.run),
    ),
    "connections": ("connections are cut anywhere, in COMMIT too", _in_a_database(connections.run)),
    "locks": ("locks held for a minute, deadlocks, too few connections", _in_a_database(locks.run)),
}


def main() -> int:
    """Run what was asked for, and tell whether anything was broken."""
    options = _options()
    if options.list:
        print("\n".join(f"{name:12} {about}" for name, (about, _) in RUNS.items()))
        return 0
    logging.disable(logging.CRITICAL)  # a line for each refusal: they are counted instead
    embedded.use_if_configured()
    broken = []
    for name in options.names:
        started = perf_counter()
        ledger = RUNS[name][1](seconds=options.seconds, seed=options.seed)
        print(f"{name}, seed {options.seed}, {perf_counter() - started:.0f} s\n{ledger.told()}", flush=True)
        broken += [name] if ledger.broken else []
    print(f"broken: {', '.join(broken)}" if broken else "nothing broken")
    return 1 if broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/soak",
        description="Runs the server under load and faults, and checks what must hold after each.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to run: {', '.join(RUNS)} (all)")
    parser.add_argument("--seconds", type=float, default=SECONDS, metavar="N", help="for each (%(default)s)")
    parser.add_argument(
        "--seed", type=int, default=int(time()), metavar="N", help="of what is asked and when it is cut"
    )
    parser.add_argument("--list", action="store_true", help="say what there is")
    options = parser.parse_args()
    if unknown := set(options.names) - set(RUNS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(RUNS)}")
    if options.seconds < 1:
        parser.error("a run takes a second at least")
    if "disks" in options.names and not disks.may_mount():
        parser.error("disks: only root may mount a file system")
    options.names = options.names or [name for name in RUNS if name != "disks" or disks.may_mount()]
    return options


if __name__ == "__main__":
    sys.exit(main())
