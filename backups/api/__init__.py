"""Backups over REST: made, listed, checked, restored, fetched, brought and deleted."""
