"""The reader of dumps: every cut, and everything that pg_dump would not write."""

from __future__ import annotations

import pytest

from backups.errors import BackupInvalid
from backups.script import TableRows, parts

CLOSING = b"--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc\n\n"
SCRIPT = (
    b"--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET client_encoding = 'UTF8';\n\n"
    b"CREATE TABLE public.a (x text);\n" + CLOSING + b"--\n-- PostgreSQL database dump\n--\n"
    b'COPY public.a (x, "timestamp") FROM stdin;\none\t1\n\\\\.\t2\n\\N\t\\\\.\n\\.\n\n\n'
    b"COPY public.b (y) FROM stdin;\n\\.\n\nSELECT pg_catalog.setval('public.a_id_seq', 3, true);\n" + CLOSING
)


def read(script: bytes, size: int = 1 << 20) -> list[object]:
    blocks = [script[at : at + size] for at in range(0, len(script), size)]
    return [
        (part.table, part.columns, b"".join(part.blocks)) if isinstance(part, TableRows) else part
        for part in parts(blocks)
    ]


class TestReading:
    @pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 64, 1 << 20])
    def test_wherever_blocks_end_the_parts_are_the_same(self, size):
        head, a, b, tail = read(SCRIPT, size)

        assert "CREATE TABLE public.a" in head
        assert a == ("a", ("x", "timestamp"), b"one\t1\n\\\\.\t2\n\\N\t\\\\.\n")
        assert b == ("b", ("y",), b"")
        assert "setval" in tail

    def test_rows_that_nobody_read_are_passed_over(self):
        assert [part.table for part in parts([SCRIPT]) if isinstance(part, TableRows)] == ["a", "b"]

    def test_refuses_what_was_cut(self):
        whole = SCRIPT[SCRIPT.index(CLOSING) + len(CLOSING) :]
        for at in range(len(whole) - len(CLOSING) + 3):
            with pytest.raises(BackupInvalid):
                read(whole[:at])

    @pytest.mark.parametrize(
        "evil",
        [
            b"\\! id\n",
            b"\\copy public.a from '/etc/passwd'\n",
            b"\\connect other\n",
            b"\\restrict a; b\n",
            b"\\.\n",
            b"COPY public.a (x) FROM PROGRAM 'id';\n",
            b"COPY public.a FROM stdin;\n",
            b"COPY public.a (x; DROP) FROM stdin;\n",
            b"COPY other.a (x) FROM stdin;\n1\n\\.\n",
            b"SELECT 1; copy public.a (x)\n from program 'id';\n",
            b"  Copy public.a (x) FROM '/etc/passwd';\n",
            b"COPY public.a (x) TO '/etc/passwd';\n",
            b"SELECT '\xff';\n",
            b"SELECT '\x00';\n",
        ],
    )
    def test_refuses_what_pg_dump_does_not_write(self, evil):
        before, after = SCRIPT.split(b"CREATE TABLE", 1)
        with pytest.raises(BackupInvalid):
            read(before + evil + b"CREATE TABLE" + after)

    @pytest.mark.parametrize("added", [b"DROP TABLE public.a;\n", b"SELECT 1", b"id,name\n"])
    def test_refuses_what_goes_on_behind_the_end(self, added):
        with pytest.raises(BackupInvalid):
            read(SCRIPT + added)

    @pytest.mark.parametrize("text", [b"", b"id,name\n1,Emma\n", b"\x1f\x8b\x08", b"{}\n", b"x" * (2 << 20)])
    def test_refuses_what_is_no_dump(self, text):
        with pytest.raises(BackupInvalid):
            read(text)
