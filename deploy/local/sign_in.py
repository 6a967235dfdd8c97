"""Where people sign in on one machine: an OpenID Connect provider for trying things out.

It asks for no password: whoever reaches it is whoever they say. It therefore listens on this
machine only, and the desk's own services are the only ones that trust it. Its pages are our own:
those of the package fetch their style from the internet.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.local import ports
from deploy.local.people import PEOPLE
from deploy.local.supervisor import Part

NAME = "sign_in"
CLIENT_SECRET = "whatever-it-takes-any"  # noqa: S105 - no secret: any will do
"""The provider wants one, and looks at none."""
TEMPLATES = Path(__file__).parent / "templates" / "sign_in"


def command(port: int) -> list[str]:
    """How the provider is run."""
    return [sys.executable, "-m", __name__, "--port", str(port)]


def part(port: int, environ: Mapping[str, str]) -> Part:
    """It as a part of the desk."""
    return Part(name=NAME, command=command(port), environ=dict(environ))


def ready_url(issuer: str) -> str:
    """What answers once it is there."""
    return f"{issuer}/.well-known/openid-configuration"


def main() -> None:
    """Run the provider until it is told to end."""
    import oidc_provider_mock  # noqa: PLC0415 - for this process alone
    import uvicorn  # noqa: PLC0415 - for this process alone
    from jinja2 import ChoiceLoader, FileSystemLoader  # noqa: PLC0415 - for this process alone

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default=ports.HOST, help="`0.0.0.0` in a container of its own")
    given = parser.parse_args()
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # plain http, on this machine
    users = [
        oidc_provider_mock.User(sub=each.subject, claims={**each.claims, "sub": each.subject})
        for each in PEOPLE
    ]
    app = oidc_provider_mock.app(require_nonce=True, user_claims=users)
    app.jinja_loader = ChoiceLoader(
        [FileSystemLoader(TEMPLATES), *([app.jinja_loader] if app.jinja_loader else [])]
    )
    app.jinja_env.globals["people"] = PEOPLE
    uvicorn.run(
        app,
        interface="wsgi",
        host=given.host,
        port=given.port,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
