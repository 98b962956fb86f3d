"""Messages as files: none is lost, and none is taken twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from jobs.spool import Spool
from tests.databases import ROOT

COUNT = 400
PUBLISH = """
import sys
from pathlib import Path
from jobs.spool import Spool
for number in range(int(sys.argv[2])):
    Spool(Path(sys.argv[1])).put("jobs", f"{sys.argv[3]}-{number}-" + "x" * 5000 + "end")
"""
CONSUME = """
import sys
from pathlib import Path
from jobs.spool import Spool
spool = Spool(Path(sys.argv[1]))
while not Path(sys.argv[1], "stop").exists() or spool.size("jobs"):
    if taken := spool.take("jobs"):
        file, text = taken
        assert text.endswith("end"), text
        print(text[:20].partition("-x")[0])
        spool.finish(file)
"""
HOLD = """
import sys
from pathlib import Path
from jobs.spool import Spool
spool = Spool(Path(sys.argv[1]))
print(spool.take("jobs")[1], flush=True)
sys.stdin.read()
"""


def begin(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


class TestSpool:
    def test_gives_each_message_to_one_taker_whole_while_others_publish(self, tmp_path):
        takers = [begin(CONSUME, tmp_path) for _ in "12"]
        publishers = [begin(PUBLISH, tmp_path, COUNT, name) for name in "ab"]
        for publisher in publishers:
            assert publisher.communicate()[1] is None
        (tmp_path / "stop").touch()

        taken = [line for taker in takers for line in taker.communicate()[0].splitlines()]

        assert [taker.returncode for taker in takers] == [0, 0]
        assert sorted(taken) == sorted(f"{name}-{number}" for name in "ab" for number in range(COUNT))

    def test_puts_back_what_the_dead_had_taken_and_leaves_the_living_theirs(self, tmp_path):
        spool = Spool(tmp_path)
        for text in ("dead", "living"):
            spool.put("jobs", text)
        holders = [begin(HOLD, tmp_path) for _ in "12"]
        said = [holder.stdout.readline().strip() for holder in holders]
        os.kill(holders[0].pid, signal.SIGKILL)
        holders[0].communicate()

        assert spool.recover() == 1

        assert spool.take("jobs")[1] == said[0]
        assert spool.take("jobs") is None
        assert Spool(tmp_path).recover() == 0  # what this process has taken is its own
        holders[1].communicate()
        spool.close()

    def test_gives_back_what_is_not_done_with_when_it_closes(self, tmp_path):
        spool = Spool(tmp_path)
        spool.put("jobs", "one")
        spool.put("other", "two")
        spool.take("jobs")

        spool.close()

        assert (spool.size("jobs"), spool.size("other")) == (1, 1)
        assert list((tmp_path / "taken").iterdir()) == []

    def test_is_for_one_account_alone(self, tmp_path):
        spool = Spool(tmp_path / "new" / "spool")

        spool.put("jobs", "one")

        modes = {path.stat().st_mode & 0o077 for path in (spool.folder, *spool.folder.iterdir())}
        assert modes == {0}
