"""How much memory a process has, as the kernel counts it."""

from __future__ import annotations

from pathlib import Path


def resident_mb(pid: int) -> float:
    """This function will return the memory that a process has."""
    return _status(pid, "VmRSS")


def peak_mb(pid: int) -> float:
    """This function will return the most memory that a process has had."""
    return _status(pid, "VmHWM")


def _status(pid: int, name: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split(f"{name}:")[1].split()[0]) / 1024
