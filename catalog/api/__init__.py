"""The records of the catalog over REST: addresses, parameters and answers, derived per table."""
