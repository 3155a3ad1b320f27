"""What is configured at Twilio: accounts, numbers, Messaging Services, applications, and who owns what.

Starts from `SandboxConfig`; Twilio's API and the control routes change it while the sandbox runs. No I/O.
"""

import base64
from collections.abc import Iterable

from sandbox.config import SandboxAccount, SandboxApplication, SandboxConfig, SandboxNumber, SandboxService


class Directory:
    """Accounts, numbers and services, found in one step each."""

    def __init__(self, config: SandboxConfig) -> None:
        self.accounts = {account.account_sid: account for account in config.accounts}
        self._services = {(service.account_sid, service.sid): service for service in config.services}
        self._applications = {(each.account_sid, each.sid): each for each in config.applications}
        self._numbers: dict[str, dict[str, SandboxNumber]] = {}
        for number in config.numbers:
            self.put_number(number)

    def authenticate(self, authorization: str) -> SandboxAccount | None:
        """The account that an `Authorization` header opens: SID and auth token, or API key and secret."""
        return next(
            (
                account
                for account in self.accounts.values()
                for user, password in _logins(account)
                if _basic(user, password) == authorization
            ),
            None,
        )

    def put_account(self, account: SandboxAccount) -> None:
        """Add an account, or replace it: another token opens it from now on."""
        self.accounts[account.account_sid] = account

    def family(self, account_sid: str) -> list[SandboxAccount]:
        """The account itself and its subaccounts."""
        others = [each for each in self.accounts.values() if each.owner_account_sid == account_sid]
        return [self.accounts[account_sid], *others]

    def number(self, account_sid: str, number: str) -> SandboxNumber | None:
        """This account's entry for a number."""
        return self._numbers.get(number, {}).get(account_sid)

    def numbers(self) -> Iterable[SandboxNumber]:
        """Every number of every account."""
        return [entry for owners in self._numbers.values() for entry in owners.values()]

    def numbers_of(self, account_sid: str) -> list[SandboxNumber]:
        """The numbers of one account."""
        return [entry for entry in self.numbers() if entry.account_sid == account_sid]

    def owners(self, number: str) -> list[str]:
        """The SIDs of the accounts that hold a number, the first one first."""
        return list(self._numbers.get(number, ()))

    def put_number(self, number: SandboxNumber) -> None:
        """Add a number to an account, or replace what is known about it there."""
        self._numbers.setdefault(number.number, {})[number.account_sid] = number

    def service(self, account_sid: str, sid: str) -> SandboxService | None:
        """A Messaging Service of this account."""
        return self._services.get((account_sid, sid))

    def services_of(self, account_sid: str) -> list[SandboxService]:
        """The Messaging Services of one account."""
        return [service for service in self._services.values() if service.account_sid == account_sid]

    def put_service(self, service: SandboxService) -> None:
        """Add a Messaging Service, or replace it."""
        self._services[service.account_sid, service.sid] = service

    def application(self, account_sid: str, sid: str) -> SandboxApplication | None:
        """An application of this account."""
        return self._applications.get((account_sid, sid))

    def put_application(self, application: SandboxApplication) -> None:
        """Add an application, or replace it."""
        self._applications[application.account_sid, application.sid] = application

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
