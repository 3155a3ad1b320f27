"""Who owns which number, and which Messaging Service it belongs to.

Starts from `SandboxConfig`; `PUT /sandbox/numbers/{number}` changes it while the sandbox runs. No I/O.
"""

import base64
from collections.abc import Iterable

from sandbox.config import SandboxAccount, SandboxConfig, SandboxNumber, SandboxService


class Directory:
    """Accounts, numbers and services, found in one step each."""

    def __init__(self, config: SandboxConfig) -> None:
        self.accounts = {account.account_sid: account for account in config.accounts}
        self._credentials = {
            _basic(user, password): account for account in config.accounts for user, password in _logins(account)
        }
        self._services = {(service.account_sid, service.sid): service for service in config.services}
        self._numbers: dict[str, dict[str, SandboxNumber]] = {}
        for number in config.numbers:
            self.put_number(number)

    def authenticate(self, authorization: str) -> SandboxAccount | None:
        """The account that an `Authorization` header opens: SID and auth token, or API key and secret."""
        return self._credentials.get(authorization)

    def number(self, account_sid: str, number: str) -> SandboxNumber | None:
        """This account's entry for a number."""
        return self._numbers.get(number, {}).get(account_sid)

    def numbers(self) -> Iterable[SandboxNumber]:
        """Every number of every account."""
        return [entry for owners in self._numbers.values() for entry in owners.values()]

    def owners(self, number: str) -> list[str]:
        """The SIDs of the accounts that hold a number, the first one first."""
        return list(self._numbers.get(number, ()))

    def put_number(self, number: SandboxNumber) -> None:
        """Add a number to an account, or replace what is known about it there."""
        self._numbers.setdefault(number.number, {})[number.account_sid] = number

    def service(self, account_sid: str, sid: str) -> SandboxService | None:
        """A Messaging Service of this account."""
        return self._services.get((account_sid, sid))

    def service_of(self, account_sid: str, number: str) -> SandboxService | None:
        """The Messaging Service whose pool a number sits in."""
        for service in self._services.values():
            if service.account_sid == account_sid and number in service.numbers:
                return service
        return None


def _logins(account: SandboxAccount) -> list[tuple[str, str]]:
    return [(account.account_sid, account.auth_token), *account.api_keys.items()]


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
