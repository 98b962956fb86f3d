"""The scripts a newcomer meets before any Python of ours runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
TOOLS = ("sh", "dirname", "cat", "cmp", "mkdir", "id", "env", "rm", "cp", "mv", "sed", "tail")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone's scripts and locks, below a path with a space."""
    path = tmp_path / "a clone"
    for folder in ("script", "requirements"):
        shutil.copytree(ROOT / folder, path / folder)
    return path


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder for PATH with the everyday tools alone, and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        (folder / name).symlink_to(shutil.which(name))
    return folder


def bootstrap(clone: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [clone / "script" / "bootstrap", *arguments],
        cwd="/",
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def python(folder: Path, name: str, body: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)


class TestBootstrap:
    def test_does_nothing_when_the_lock_is_installed_here(self, clone, tools):
        (clone / ".venv" / "bin").mkdir(parents=True)
        python(clone / ".venv" / "bin", "python", "exit 1")
        (clone / ".venv" / "installed.path").write_text(f"{clone}\n")
        shutil.copy(clone / "requirements" / "dev.lock", clone / ".venv" / "installed.lock")

        # Without Python on the path it could do nothing else; what tests need is enough for the server too.
        for arguments in ([], ["--dev"]):
            done = bootstrap(clone, *arguments, PATH=str(tools))
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    @pytest.mark.parametrize("changed", ["requirements/run.lock", ".venv/installed.path"])
    def test_begins_anew_when_the_lock_or_the_place_changes(self, clone, tools, changed):
        (clone / ".venv" / "bin").mkdir(parents=True)
        python(clone / ".venv" / "bin", "python", "exit 1")
        (clone / ".venv" / "installed.path").write_text(f"{clone}\n")
        shutil.copy(clone / "requirements" / "run.lock", clone / ".venv" / "installed.lock")
        assert bootstrap(clone, PATH=str(tools)).returncode == 0

        with (clone / changed).open("a") as file:
            file.write("# changed\n")

        assert "Python 3.11 or newer is missing" in bootstrap(clone, PATH=str(tools)).stderr

    def test_says_that_python_is_missing_or_too_old(self, clone, tools):
        python(tools, "python3", "exit 1")  # what an older one says to the question about its version

        done = bootstrap(clone, PATH=str(tools))

        assert done.returncode == 1
        assert "Python 3.11 or newer is missing" in done.stderr

    def test_says_that_the_venv_module_is_missing(self, clone, tools):
        python(tools, "python3", 'case "$2" in *ensurepip*) exit 1 ;; esac')

        done = bootstrap(clone, PATH=str(tools))

        assert done.returncode == 1
        assert "apt install python3-venv" in done.stderr
        assert not (clone / ".venv").exists()

    def test_refuses_an_option_it_does_not_know(self, clone):
        assert bootstrap(clone, "--fast").returncode == 2

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may")
    def test_installs_system_packages_only_as_root(self, clone):
        assert "needs root" in bootstrap(clone, "--system").stderr


class TestScripts:
    @pytest.mark.parametrize("script", ["server", "mcp", "test", "check", "bootstrap", "../.ci/run"])
    def test_is_plain_sh(self, script):
        path = ROOT / "script" / script

        assert path.read_text().startswith("#!/bin/sh\n")
        assert os.access(path, os.X_OK)
        subprocess.run(["sh", "-n", path], check=True)
