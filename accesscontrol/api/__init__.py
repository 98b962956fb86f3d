"""What every view of the REST API stands on, and the addresses about oneself."""
