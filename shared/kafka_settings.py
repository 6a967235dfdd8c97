"""Where Kafka is, and how one gets in: told to services and to operators' commands alike."""

import ssl
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.certificates import authorities, own_certificate
from shared.kafka_security import KafkaSecurity, Login, Mechanism, Protocol
from shared.setting_words import Expected

_WITH_TLS = ("SSL", "SASL_SSL")
_WITH_LOGIN = ("SASL_PLAINTEXT", "SASL_SSL")


def _off_if_empty(given: object) -> object:
    return None if given == "" else given


OffIfEmpty = BeforeValidator(_off_if_empty)
"""An empty variable is one that was not given: not every place can leave one out."""
File = Annotated[Path | None, OffIfEmpty, Expected("a path of a file")]


class KafkaSettings(BaseSettings):
    """What every client of Kafka is told."""

    model_config = SettingsConfigDict(
        env_prefix="CARELINE_", frozen=True, use_attribute_docstrings=True
    )

    kafka: Annotated[str, Expected("host:port, several with commas between")] = Field(
        "127.0.0.1:9092", pattern=r"^\s*[^\s,:]\S*\s*(,\s*[^\s,:]\S*\s*)*$"
    )
    """The brokers, `host:port`, several with commas between: one that answers is enough."""
    kafka_security: Protocol = "PLAINTEXT"
    """How the brokers are spoken to: `SSL` is TLS, `SASL_` is with a login, as Kafka calls them."""
    kafka_authorities: File = None
    """Certificates (PEM) that the brokers' must hold by, instead of the system's. It is read at
    start, as are the next two: what was renewed is taken up by a restart."""
    kafka_certificate: File = None
    """Our own, for brokers that want one: the chain, in PEM."""
    kafka_key: File = Field(None, validate_default=True)
    """The key that belongs to it, without a password."""
    kafka_mechanism: Mechanism = "SCRAM-SHA-512"
    """How the login goes."""
    kafka_user: Annotated[str | None, OffIfEmpty] = Field(None, validate_default=True)
    """Who we log in as."""
    kafka_password: Annotated[SecretStr | None, OffIfEmpty] = Field(None, validate_default=True)
    """What we log in with."""

    @field_validator("kafka_authorities", "kafka_certificate")
    @classmethod
    def _wants_tls(cls, given: Path | None, info: ValidationInfo) -> Path | None:
        if given is not None and info.data.get("kafka_security", "SSL") not in _WITH_TLS:
            raise ValueError("expected nothing, since CARELINE_KAFKA_SECURITY is without TLS")
        return given

    @field_validator("kafka_authorities")
    @classmethod
    def _holds_certificates(cls, given: Path | None) -> Path | None:
        return authorities(given) if given is not None else None

    @field_validator("kafka_key")
    @classmethod
    def _belongs_to_it(cls, given: Path | None, info: ValidationInfo) -> Path | None:
        if "kafka_certificate" not in info.data:
            return given
        chain = info.data["kafka_certificate"]
        if (given is None) != (chain is None):
            raise ValueError("expected together with CARELINE_KAFKA_CERTIFICATE, or neither")
        if given is not None:
            own_certificate(ssl.create_default_context(), chain, given)
        return given

    @field_validator("kafka_user", "kafka_password")
    @classmethod
    def _goes_with_login(
        cls, given: str | SecretStr | None, info: ValidationInfo
    ) -> str | SecretStr | None:
        security = info.data.get("kafka_security")
        if security is not None and (given is None) == (security in _WITH_LOGIN):
            what = "nothing" if given is not None else "text"
            raise ValueError(f"expected {what}, since CARELINE_KAFKA_SECURITY is {security}")
        return given

    def brokers_security(self) -> KafkaSecurity:
        """How the brokers are spoken to; files are read anew."""
        return KafkaSecurity(self._tls(), self._login())

    def _tls(self) -> ssl.SSLContext | None:
        if self.kafka_security not in _WITH_TLS:
            return None
        tls = ssl.create_default_context(cafile=self.kafka_authorities)
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.kafka_certificate is not None and self.kafka_key is not None:
            own_certificate(tls, self.kafka_certificate, self.kafka_key)
        return tls

    def _login(self) -> Login | None:
        if self.kafka_user is None or self.kafka_password is None:
            return None
        return Login(self.kafka_mechanism, self.kafka_user, self.kafka_password.get_secret_value())
