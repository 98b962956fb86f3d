"""The store of files: what may be a name, what nobody sees, what a sweep takes."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys

import pytest

from accesscontrol.errors import NotFound
from jobs import files
from jobs.files import FileStore, NameTaken, StoreFailed

OUTSIDE = (
    "", ".", "..", "../x", "/etc/passwd", "a/b", "a\\b", ".hidden", "a\0b", "a\nb", "é", "\uff41", "x" * 201,
    "a b", None, 7,
)  # fmt: skip


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "deep" / "store")


def put(store: FileStore, name: str, content: bytes = b"content") -> None:
    with store.create() as new:
        new.write(content)
        new.publish(name)


def content(store: FileStore, name: str) -> bytes:
    with store.open(name) as file:
        return file.read()


class TestFiles:
    def test_keeps_what_is_published_for_our_eyes_only(self, store, tmp_path):
        put(store, "one.txt")

        folder = tmp_path / "deep" / "store"
        assert store.names() == ["one.txt"]
        assert content(store, "one.txt") == b"content"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "one.txt").stat().st_mode) == 0o600
        assert store.size("one.txt") == 7

    def test_nothing_is_seen_or_left_of_what_was_not_published(self, store, tmp_path):
        with store.create() as new:
            new.write(b"half")
            assert store.names() == []

        assert list((tmp_path / "deep" / "store").iterdir()) == []

    def test_a_taken_name_stays_with_the_first(self, store):
        put(store, "one.txt", b"first")

        with pytest.raises(NameTaken):
            put(store, "one.txt", b"second")

        assert content(store, "one.txt") == b"first"

    @pytest.mark.parametrize("name", OUTSIDE)
    def test_no_name_leads_out_of_the_folder(self, store, name):
        for use in (store.open, store.delete, store.size):
            with pytest.raises(NotFound):
                use(name)
        with store.create() as new, pytest.raises(NotFound):
            new.publish(name)

    def test_links_pipes_and_folders_are_no_files(self, store, tmp_path):
        put(store, "one.txt")
        folder = tmp_path / "deep" / "store"
        (folder / "link").symlink_to("/etc/passwd")
        (folder / "inner").mkdir()
        os.mkfifo(folder / "pipe")

        assert store.names() == ["one.txt"]
        for name in ("link", "inner", "pipe"):
            with pytest.raises(NotFound):
                store.open(name)

    def test_refuses_a_folder_that_others_may_enter(self, store, tmp_path):
        put(store, "one.txt")
        (tmp_path / "deep" / "store").chmod(0o755)

        with pytest.raises(StoreFailed, match="not private"):
            store.names()

    def test_deleting_what_is_gone_is_done(self, store):
        put(store, "one.txt")
        store.delete("one.txt")
        store.delete("one.txt")

        assert store.names() == []

    def test_a_full_disk_is_told_and_leaves_nothing(self, store, tmp_path, monkeypatch):
        def full(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(files.os, "fsync", full)
        with pytest.raises(StoreFailed, match="disk is full"):
            put(store, "one.txt")

        assert list((tmp_path / "deep" / "store").iterdir()) == []

    def test_everything_is_on_the_disk_before_its_name_and_the_name_before_it_is_told(
        self, store, monkeypatch
    ):
        done = []
        real_sync, real_link = os.fsync, os.link
        monkeypatch.setattr(
            files.os, "fsync", lambda fd: (done.append(stat.S_IFMT(os.fstat(fd).st_mode)), real_sync(fd))
        )
        monkeypatch.setattr(files.os, "link", lambda *a, **k: (done.append("link"), real_link(*a, **k)))

        put(store, "one.txt")

        assert done == [stat.S_IFREG, "link", stat.S_IFDIR]


class TestSweep:
    def test_takes_what_a_killed_writer_left_and_nothing_that_is_being_written(self, store, tmp_path):
        put(store, "whole.txt")
        script = (
            "import os, signal, sys; from pathlib import Path; from jobs.files import FileStore\n"
            "new = FileStore(Path(sys.argv[1])).create(); new.write(b'x' * 100_000); new.file.flush()\n"
            "os.kill(os.getpid(), signal.SIGKILL)"
        )
        subprocess.run([sys.executable, "-c", script, tmp_path / "deep" / "store"], check=False)
        with store.create() as living:
            living.write(b"living")

            assert len(list((tmp_path / "deep" / "store").iterdir())) == 3
            assert store.sweep() == 1
            assert store.sweep() == 0
            living.publish("living.txt")

        assert store.names() == ["living.txt", "whole.txt"]
