"""What a command works with, made from the settings: the database, the org, the Dagster instance."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from orchestration.postgres.connection import Database
from orchestration.settings import Settings, load_settings

if TYPE_CHECKING:
    import dagster as dg

    from orchestration.postgres.token_store import PostgresTokenStore
    from orchestration.salesforce.client import Salesforce
    from orchestration.salesforce.oauth import OAuthApp, Tokens


@dataclass(frozen=True)
class Workspace:
    """One Fluint workspace: its settings and what they lead to. Nothing is opened before it is used."""

    settings: Settings

    @classmethod
    def here(cls) -> Workspace:
        """The workspace of the environment that the command was started in."""
        return cls(load_settings())

    @cached_property
    def database(self) -> Database:
        """The workspace's Postgres."""
        key = self.settings.erasure_key
        return Database(
            self.settings.require("database_url"),
            without_tls_because=self.settings.database_without_tls_because,
            erasure_key=key.get_secret_value() if key else None,
        )

    @cached_property
    def definitions(self) -> dg.Definitions:
        """Dagster's code location for these settings; making it takes a second."""
        from orchestration.definitions import build_definitions

        return build_definitions(self.settings)

    @property
    def sensors(self) -> list[dg.SensorDefinition]:
        """The sensors of that code location."""
        return list(self.definitions.sensors or ())

    @property
    def app(self) -> OAuthApp:
        """The connected app as the settings describe it."""
        from orchestration.resources.salesforce import oauth_app

        settings = self.settings
        secret = settings.salesforce_client_secret
        return oauth_app(
            settings.salesforce_client_id,
            secret.get_secret_value() if secret else None,
            url=settings.salesforce_url,
            subdomain=settings.salesforce_subdomain,
            redirect_port=settings.redirect_port,
            ca_file=str(settings.salesforce_ca_file) if settings.salesforce_ca_file else None,
            sign_in=settings.salesforce_sign_in,
            username=settings.salesforce_username,
            private_key_file=str(settings.salesforce_private_key_file)
            if settings.salesforce_private_key_file
            else None,
        )

    @property
    def token_store(self) -> PostgresTokenStore[Tokens]:
        """Where the grant is kept."""
        from orchestration.postgres.token_store import PostgresTokenStore
        from orchestration.resources.salesforce import guard
        from orchestration.salesforce.oauth import Tokens

        settings = self.settings
        return PostgresTokenStore(
            self.database,
            settings.require("encryption_key"),
            Tokens,
            before_use=guard(self.database, settings.environment, settings.erasures_directory),
        )

    def salesforce(self) -> Salesforce:
        """A client of the connected org."""
        from orchestration.salesforce.client import Salesforce

        return Salesforce(
            self.app,
            self.token_store,
            api_version=self.settings.api_version,
            quota_share=self.settings.quota_share,
        )

    @contextmanager
    def asking(self, purpose: str) -> Iterator[Salesforce]:
        """A client for questions of a command: within the org's allowance, its calls kept in the ledger under their purpose."""
        from orchestration.postgres.api_ledger import recall_usage, record_calls

        salesforce = self.salesforce()
        recall_usage(self.database, salesforce.learn)
        try:
            with salesforce.purpose(purpose):
                yield salesforce
        finally:
            record_calls(self.database, f"fluint {purpose}", salesforce.take_calls(), salesforce.usage)
