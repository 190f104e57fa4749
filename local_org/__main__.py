"""The command line of the local org: `python -m local_org serve --directory DIR`.

Belongs here: arguments, the line that says it is ready, the end of the process. Does not: serving (server.py).
"""

import argparse
import json
import signal
from collections.abc import Sequence
from pathlib import Path

from local_org import demo_data, life
from local_org.scenario import NOTHING_SPECIAL, read_scenario
from local_org.server import Address, OrgServer, make_server, stop_with_parent


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until SIGTERM, SIGINT, or the end of the parent; prints one line of JSON when it answers."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    try:
        scenario = read_scenario(asked.scenario) if asked.scenario else NOTHING_SPECIAL
    except (OSError, ValueError) as error:
        parser.error(f"The scenario cannot be played: {error}")
    server = make_server(asked.directory, Address(asked.host, asked.port, tuple(asked.name)), scenario)
    if asked.opportunities and not server.org.store.select("select 1 from Opportunity limit 1"):
        demo_data.populate(server.org, opportunities=asked.opportunities, emails=asked.mails)
    # The server ends on these signals by itself and raises them again afterwards; to be asked to end is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    if asked.with_parent is not None:
        stop_with_parent(server, asked.with_parent)
    if asked.live:
        server.ends.append(life.begin(server.org, asked.pace).set)
    server.serve_until_stopped(lambda: _announce(server))


def _announce(server: OrgServer) -> None:
    card = server.registration
    print(
        json.dumps({"base_url": card.base_url, "ca_file": card.ca_file, "directory": card.directory}),
        flush=True,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local_org", description="A Salesforce org on this machine."
    )
    serve = parser.add_subparsers(required=True).add_parser(
        "serve", help="serve an org over HTTPS until stopped"
    )
    serve.add_argument("--directory", type=Path, required=True, help="where the org lives; made if missing")
    serve.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: this machine alone)"
    )
    serve.add_argument(
        "--port", type=int, default=0, help="port; 0 takes that of the last time, or any free one"
    )
    serve.add_argument(
        "--name",
        action="append",
        default=[],
        help="host name for the certificate and the org's URL; may be repeated",
    )
    serve.add_argument(
        "--opportunities",
        type=int,
        default=0,
        help="make a demo org with so many opportunities if the org is empty; beyond 100,000 rounded up to books of 25,000",
    )
    serve.add_argument(
        "--mails", type=int, help="e-mails of that demo org (default: four per opportunity, 20,000 at most)"
    )
    serve.add_argument("--live", action="store_true", help="let reps move deals and mail arrive by itself")
    serve.add_argument(
        "--pace",
        type=_seconds,
        default=life.PACE_SECONDS,
        metavar="SECONDS",
        help="with --live: the mean of the seconds between two acts (default: %(default)s)",
    )
    serve.add_argument("--with-parent", type=int, metavar="PID", help="stop when this process is gone")
    _add_scenario(serve)
    return parser


def _add_scenario(serve: argparse.ArgumentParser) -> None:
    serve.add_argument(
        "--scenario",
        type=Path,
        metavar="FILE",
        help="switches, clock and faults to begin with, from a JSON or YAML file",
    )


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds above 0")
    return value


if __name__ == "__main__":
    main()
