"""Names that say that a value is secret, for the configuration and the policies."""

from __future__ import annotations

import re

# "key" alone is often public or the key of a cache. "-secret" ends annotations that name a Secret of Kubernetes, such as the one with a
# load balancer's certificate.
SECRET_NAMES = re.compile(
    r"(password|passwd|passphrase|client_?secret|(auth|access|registry|refresh|bearer)_?token|(^|_)(token|secret|pass)|_pwd"
    r"|(private|secret|access|api|account|encryption|signing|master)_?key)$",
    re.IGNORECASE,
)

SHORTEST_SECRET = 6
"""Characters. Shorter values, such as flags, occur by chance."""
