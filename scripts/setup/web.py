"""Reads over HTTP with the certificates and proxies that pip is configured with. Standard library only."""

import os
import ssl
import urllib.request

TIMEOUT_S = 60


def open_url(url: str, headers: dict[str, str] | None = None, timeout: float = TIMEOUT_S):
    """An open response; raises OSError (urllib's errors are) where the address cannot be read."""
    context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT") or None)
    request = urllib.request.Request(url, headers={"User-Agent": "kindred-setup", **(headers or {})})
    return urllib.request.urlopen(request, timeout=timeout, context=context)
