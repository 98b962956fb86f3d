"""A short name for the shape of a query, so that the trail can tell same from different."""

from __future__ import annotations

import json
from hashlib import blake2b


def of(*parts: object) -> str:
    """This function will return 16 hexadecimal digits that are the same for the same parts, in any process."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return blake2b(text.encode(), digest_size=8).hexdigest()
