"""Folders that belong to one account alone."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from config.programs import ClusterError


def private_folder(path: Path, *, owner: int | None = None, gate: int | None = None) -> None:
    """Make the folder `path` of mode 0700, for `owner` if given; with `gate`, that group may pass through.

    :raises ClusterError: it exists, and is not ours or others may enter it
    """
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        if owner is not None:
            os.chown(path, owner, owner)
        if gate is not None:
            os.chown(path, -1, gate)
            path.chmod(0o710)
    found = path.lstat()
    mine = found.st_uid == (os.geteuid() if owner is None else owner)
    forbidden = 0o067 if gate is not None and found.st_gid == gate else 0o077
    if not stat.S_ISDIR(found.st_mode) or not mine or found.st_mode & forbidden:
        raise ClusterError(f"{path} exists and is not a private folder of ours; move it out of the way.")


def hand_over(folder: Path, uid: int) -> None:
    """Give `folder` and all it holds to `uid`, without following a link."""
    os.lchown(folder, uid, uid)
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            os.lchown(Path(parent, name), uid, uid)
