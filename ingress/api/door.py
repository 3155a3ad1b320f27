"""Who calls, and may they? Bearer tokens of the configuration, compared by their hashes in constant time.

Pure; touches no Redis. Source: RFC 6750, sections 2.1 and 3.
"""

import hashlib
import hmac

from ingress.api.problems import Kind, RefusedError
from shared.settings import ApiScope, ApiToken


class Door:
    """Knows the tokens of one configuration, as hashes."""

    def __init__(self, tokens: tuple[ApiToken, ...]) -> None:
        self._known = tuple((_hash(token.secret.reveal()), token) for token in tokens)

    def identify(self, authorization: str, scope: ApiScope) -> ApiToken:
        """The caller. Raises RefusedError: 401 for a missing or wrong token, 403 for one without the scope."""
        scheme, _, given = authorization.partition(" ")
        offered = _hash(given.strip())
        found = None
        for known, token in self._known:  # always to the end: the time tells nothing about which one fitted
            if hmac.compare_digest(known, offered):
                found = token
        if scheme.lower() != "bearer" or found is None:
            challenge = 'Bearer error="invalid_token"' if authorization else "Bearer"
            raise RefusedError(Kind.UNAUTHORIZED, headers={"www-authenticate": challenge})
        if scope not in found.scopes:
            raise RefusedError(
                Kind.SCOPE_MISSING,
                f"the token needs the scope {scope.value}",
                headers={"www-authenticate": f'Bearer error="insufficient_scope", scope="{scope.value}"'},
            )
        return found


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
