"""What should have been stored, worked out a second time and by other means than the gateway's.

Signatures are judged by Twilio's own SDK, the form is taken apart by hand, the rules are mission §2's. Nothing of
`ingress/` is used. The model is sequential: it is told the requests in the order in which they were sent.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from unicodedata import combining
from urllib.parse import unquote_to_bytes

import msgspec
from redis.asyncio import Redis
from twilio.request_validator import RequestValidator, get_signature_algorithm

from shared.keys import Keys
from shared.records import decode_inbound_text
from shared.settings import Account, DmPolicy
from tests.fuzz.gate import Webhook

STOP = {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "opt out", "opt-out", "stop all"}
STOP |= {"arret", "arrete", "arrett"}
START = {"start", "yes", "unstop"}
HELP = {"help", "info"}

Pair = tuple[str, str]


class Stored(msgspec.Struct, frozen=True):
    """One message as a lane must hold it."""

    account: str
    sid: str
    sender: str
    recipient: str
    body: str


class Fields(dict[str, str]):
    """A form as the SDK takes it: repeated parameters behind `getlist`."""

    def __init__(self, pairs: list[Pair]) -> None:
        super().__init__(pairs)
        self._pairs = pairs

    def getlist(self, name: str) -> list[str]:
        return [value for key, value in self._pairs if key == name]


class Model:
    """Everything that may have been stored so far."""

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        self._by_path = {account.webhook_path: account for account in accounts.values()}
        self._validators = {
            (account.id, secret.reveal()): RequestValidator(secret.reveal())  # type: ignore[no-untyped-call]
            for account in accounts.values()
            for secret in account.signing_tokens
        }
        self.expected: Counter[Stored] = Counter()
        self.seen: set[tuple[str, str]] = set()
        self.opted_out: set[tuple[str, str]] = set()
        self.askers: dict[tuple[str, str], None] = {}
        """Strangers who would ask for pairing, the first first."""

    def tell(self, webhook: Webhook) -> bool:
        """One more request was sent; whether the gateway must answer 200."""
        account = self._by_path.get(webhook.path)
        if account is None or webhook.method != "POST" or is_cut_short(webhook) or is_too_large(webhook):
            return False
        pairs = parse(webhook)
        if pairs is None or not self._is_genuine(account, webhook, pairs):
            return False
        first: dict[str, str] = {}
        for name, value in pairs:
            first.setdefault(name, value)
        if "MessageStatus" in first:
            return first.get("AccountSid") == account.account_sid and is_callback(first, webhook.query)
        text = read(account, first)
        if text is None:
            return False
        self._admit(account, text, first)
        return True

    def _is_genuine(self, account: Account, webhook: Webhook, pairs: list[Pair]) -> bool:
        url = (account.public_webhook_url or "").partition("#")[0]
        query = webhook.query.decode("latin-1")
        part = query.rpartition("textgate_part=")[2] if "textgate_part=" in query else ""
        if "?" not in url:
            url += f"?{query}" if query else ""
        elif part:
            url += f"&textgate_part={part}"
        given = webhook.header(b"x-twilio-signature").decode("latin-1")
        settings = webhook.header(b"x-twilio-webhooks-signature-settings").decode("latin-1")
        algorithm = get_signature_algorithm(settings)  # type: ignore[no-untyped-call]
        names_a_key = any(part.partition("=")[0].strip() == "key" for part in settings.split(","))
        if names_a_key or algorithm.upper() not in ("HMAC_SHA1", "HMAC_SHA256"):
            return False  # no account here has a shared key
        return any(
            validator.validate(url, Fields(pairs), given, algorithm)  # type: ignore[no-untyped-call]
            for (owner, _), validator in self._validators.items()
            if owner == account.id
        )

    def _admit(self, account: Account, text: Stored, first: dict[str, str]) -> None:
        """Ruling 2: dedupe, opt-out, rate limit (none here), policy."""
        if (account.id, text.sid) in self.seen:
            return
        self.seen.add((account.id, text.sid))
        person = (account.id, re.sub(r"(?i)^rcs:(?=\+[1-9][0-9]{6,14}\Z)", "", text.sender))
        word = first.get("OptOutType", "").lower()
        if word not in ("stop", "start", "help"):
            said = "".join(c for c in unicodedata.normalize("NFKD", text.body.strip().casefold()) if not combining(c))
            word = "stop" if said in STOP else "start" if said in START else "help" if said in HELP else ""
        if word == "stop":
            self.opted_out.add(person)
        elif word == "start" and person in self.opted_out:
            self.opted_out.discard(person)
        elif person in self.opted_out or word == "help":
            return
        elif account.dm_policy is DmPolicy.OPEN or (
            account.dm_policy is not DmPolicy.DISABLED and text.sender in account.allow_from
        ):
            self.expected[text] += 1
        elif account.dm_policy is DmPolicy.PAIRING:
            self.askers[account.id, text.sender] = None

    async def check(self, redis: Redis, keys: Keys) -> None:
        """Hold Redis against the model: every lane, every verdict, every opt-out, every pairing request."""
        found: Counter[Stored] = Counter()
        asked = 0
        names: Counter[str] = Counter()
        async for key in redis.scan_iter(count=5000):
            kind = key.decode().removeprefix(keys.prefix)
            names[re.sub(r"^((?:lane|rate|queue|pairing):[a-z]+|[a-z]+).*", r"\1", kind, flags=re.DOTALL)] += 1
            if kind.startswith("lane:agent:"):
                for record in await redis.lrange(key, 0, -1):  # type: ignore[misc]
                    text = decode_inbound_text(record)
                    found[Stored(text.account_id, text.message_sid, text.sender, text.recipient, text.body)] += 1
            elif kind.startswith("lane:format:"):
                asked += await redis.llen(key)  # type: ignore[misc]
        assert found - self.expected == Counter(), "stored, and should not be"
        assert self.expected - found == Counter(), "answered 200, and not stored"
        assert names["seen"] == len(self.seen)
        out = {(name, person.decode()) for name in self._names() for person in await redis.hkeys(keys.opted_out(name))}  # type: ignore[misc]
        assert out == self.opted_out
        pending = [sender for name, sender in self.askers if name == "pairing"][:3]
        assert asked == sum(re.fullmatch(r"(?:.*:)?\+[1-9][0-9]{6,14}", sender) is not None for sender in pending)
        known = {"lane:agent", "lane:format", "seen", "optout", "pairing:code", "pairing:sender", "pairing:pending"}
        known |= {"rate:signatures", "queue:agent", "queue:format", "busy", "conversation", "arq"}
        assert set(names) <= known, "a key that no webhook should leave"

    def _names(self) -> list[str]:
        return [account.id for account in self._by_path.values()]


def is_cut_short(webhook: Webhook) -> bool:
    return webhook.hangs_up or webhook.stalls


def is_too_large(webhook: Webhook) -> bool:
    """In fact, or because it says so itself."""
    declared = webhook.header(b"content-length")
    return max(len(webhook.body), int(declared) if declared.isdigit() else 0) > 32 * 1024


def parse(webhook: Webhook) -> list[Pair] | None:
    """The form's pairs; None if the body is no urlencoded form of ASCII that spells UTF-8."""
    kind = webhook.header(b"content-type").decode("latin-1").partition(";")[0].strip().lower()
    body = webhook.body
    if kind != "application/x-www-form-urlencoded" or not body.isascii():
        return None
    if not body:
        return []
    pairs: list[Pair] = []
    fields = body.split(b"&")
    if len(fields) > 200:
        return None
    for field in fields:
        name, equals, value = field.partition(b"=")
        if not equals:
            return None
        try:
            pairs.append((decode(name), decode(value)))
        except UnicodeDecodeError:
            return None
    return pairs


def decode(text: bytes) -> str:
    return unquote_to_bytes(text.replace(b"+", b" ")).decode()


def read(account: Account, first: dict[str, str]) -> Stored | None:
    """The text in a genuine form; None if it is not for this account or malformed."""
    if first.get("AccountSid") != account.account_sid:
        return None
    by_service = account.messaging_service_sid and first.get("MessagingServiceSid") == account.messaging_service_sid
    by_number = account.from_number is not None and first.get("To") == account.from_number
    if not (by_service or by_number):
        return None
    sid = first.get("MessageSid") or first.get("SmsSid") or first.get("SmsMessageSid") or ""
    sender, recipient = first.get("From", "").strip(" "), first.get("To", "").strip(" ")
    media = first.get("NumMedia", "0")
    if not is_id(sid) or not is_address(sender) or not is_address(recipient) or not re.fullmatch("[0-9]+", media):
        return None
    return Stored(account.id, sid, sender, recipient, first.get("Body", ""))


def is_callback(first: dict[str, str], query: bytes) -> bool:
    """News about a part of ours, or of one that is not known any more: answered 200, stored nowhere here."""
    part = query.partition(b"textgate_part=")[2]
    return is_id(first.get("MessageSid") or first.get("SmsSid") or "") and len(part) <= 100


def is_id(sid: str) -> bool:
    return 0 < len(sid) <= 64 and sid.isalnum()


def is_address(text: str) -> bool:
    return 0 < len(text) <= 255 and not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text)
