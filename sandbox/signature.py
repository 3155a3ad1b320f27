"""Signs a webhook as Twilio does, written from Twilio's documentation and independently of what checks it.

Source: twilio.com/docs/usage/security#validating-requests. The signature is the base64 of the HMAC-SHA1, keyed with
the auth token, of the URL followed by every POST parameter: name, then value, sorted by name, nothing in between.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable

Params = Iterable[tuple[str, str]]


def sign(*, auth_token: str, url: str, params: Params = ()) -> str:
    """The value of `X-Twilio-Signature` for this URL and these form parameters.

    The `#…` fragment (connection overrides) is never signed. A repeated parameter counts once per distinct value.
    """
    text = url.partition("#")[0] + "".join(name + value for name, value in sorted(set(params)))
    digest = hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()
