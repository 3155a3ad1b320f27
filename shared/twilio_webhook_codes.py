"""Twilio's codes about reaching us: its debugger shows them when a webhook or callback failed. They strike no text.

Source: Twilio, "Error and Warning Dictionary", the page of each code.
"""

import msgspec


class WebhookCode(msgspec.Struct, frozen=True):
    """What went wrong on the way to us, and what the operator should do."""

    meaning: str
    hint: str


_TLS = "check the certificate at publicWebhookUrl: it must be valid, complete and for that host name"
_REACH = "check that the internet reaches publicWebhookUrl, and how busy this machine is"
_ANSWER = "check that publicWebhookUrl leads to Textgate and not to another program or an error page"

WEBHOOK_CODES: dict[int, WebhookCode] = {
    11200: WebhookCode(
        "Twilio took a text in, but could not get a good answer from the webhook",
        "check with `textgate channels status` that the gateway runs and publicWebhookUrl leads to it",
    ),
    11201: WebhookCode("the connection to the webhook timed out", _REACH),
    11202: WebhookCode("the connection to the webhook was refused", _REACH),
    11203: WebhookCode("the webhook took too long, all tries together", _REACH),
    11205: WebhookCode("Twilio could not connect to the webhook", _REACH),
    11206: WebhookCode("the webhook's answer is no proper HTTP", _ANSWER),
    11210: WebhookCode("the webhook's host name does not exist", "check the host name in publicWebhookUrl"),
    11215: WebhookCode("the webhook redirects too often", _ANSWER),
    11220: WebhookCode("the TLS handshake with the webhook failed", _TLS),
    11235: WebhookCode("the webhook's certificate is for another host", _TLS),
    11236: WebhookCode("the webhook's certificate has expired", _TLS),
    11237: WebhookCode("the webhook's certificate chain is incomplete", _TLS),
    11243: WebhookCode("the retry policy in the webhook's URL is invalid", "check `rp=` behind the # of that URL"),
    12100: WebhookCode("the webhook's answer is no TwiML", _ANSWER),
    12200: WebhookCode("the webhook's answer is no valid TwiML", _ANSWER),
    57012: WebhookCode(
        "Textgate refused the webhook's signature",
        "check authToken and that publicWebhookUrl is exactly what stands in Twilio",
    ),
}
