"""Jobs over REST: how far long work is, and how it ended."""
