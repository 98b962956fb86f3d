"""What happens once when a program has imported everything."""

from __future__ import annotations

import gc

from django.apps import apps


def test_the_collector_that_a_program_begins_without_is_on_again() -> None:
    gc.disable()
    try:
        apps.get_app_config("config").ready()
        assert gc.isenabled()
    finally:
        gc.enable()
