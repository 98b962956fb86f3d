"""The audit trail over REST, and the terms on which requests write."""
