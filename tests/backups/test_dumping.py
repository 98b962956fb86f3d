"""What a dump is relieved of on its way into a file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.dumping import portable

HEAD = b"""--
-- PostgreSQL database dump
--

\\restrict abc

SET lock_timeout = 0;
SET transaction_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);

"""
PUBLIC = b"""--
-- Name: public; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA public;


--
-- Name: SCHEMA public; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON SCHEMA public IS 'of
-- Name: nothing
several lines';


"""
APP = b"""--
-- Name: app; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA app;


"""
REMEMBERED = b"""--
-- Name: SCHEMA app; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON SCHEMA app IS '{}';


"""
BODY = b"""--
-- Data for Name: books; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.books (title) FROM stdin;
SET transaction_timeout = 0;
--
-- Name: public; Type: SCHEMA; Schema: -; Owner: -
--
CREATE SCHEMA public;
\\.


"""
END = b"--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc\n\n"
CLEAN = HEAD.replace(b"SET transaction_timeout = 0;\n", b"")


class TestPortable:
    @pytest.mark.parametrize(
        ("dump", "expected"),
        [
            (HEAD + PUBLIC + BODY + END, CLEAN + BODY + END),
            (HEAD + APP + REMEMBERED + BODY + END, CLEAN + REMEMBERED + BODY + END),
            (HEAD + BODY + END, CLEAN + BODY + END),
            (HEAD + END, CLEAN + END),
            (b"", b""),
        ],
        ids=["public", "app", "no schema", "nothing", "empty"],
    )
    @given(size=st.integers(1, 200))
    def test_leaves_out_schemas_and_what_is_new_but_nothing_of_the_data(self, dump, expected, size):
        blocks = [dump[start : start + size] for start in range(0, len(dump), size)]

        assert b"".join(portable(blocks)) == expected
