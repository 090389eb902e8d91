"""Puts the subcommands together under one name."""

from __future__ import annotations

from typing import Annotated

import typer

from protocols.commands.align import ALIGN_EXAMPLES, align
from protocols.commands.calibrate import CALIBRATE_EXAMPLES, calibrate
from protocols.commands.check import CHECK_EXAMPLES, check
from protocols.commands.check_gradients import CHECK_GRADIENTS_EXAMPLES, check_gradients
from protocols.commands.ctl import CTL_EXAMPLES, ctl
from protocols.commands.evaluate import EVALUATE_EXAMPLES, evaluate
from protocols.commands.export import EXPORT_EXAMPLES, export
from protocols.commands.init import INIT_EXAMPLES, init
from protocols.commands.monitor import MONITOR_EXAMPLES, monitor
from protocols.commands.plan import PLAN_EXAMPLES, plan
from protocols.commands.resources import RESOURCES_EXAMPLES, resources
from protocols.commands.runs import RUNS_EXAMPLES, runs
from protocols.commands.safe import SAFE_EXAMPLES, safe
from protocols.commands.serve import SERVE_EXAMPLES, serve
from protocols.commands.train import EXAMPLES, train

HELP = """Train optical neural networks with light, simulated or real.

**First steps**

  backbeam train                      learn handwritten digits, right away

  backbeam runs                       what was trained so far, and how it went

  backbeam monitor                    watch it live, pause it, stop it

  backbeam train --help               every option, with its default

**A bench of your own**

  backbeam init my_bench.toml         a commented file to start from, all simulated

  backbeam check my_bench.toml        who answers, and is everything safe

  backbeam align my_bench.toml        light it by hand, watch the readings

  backbeam plan my_bench.toml         time, gain and power, before anything is on

  backbeam calibrate my_bench.toml    measure its calibration tables

  backbeam check-gradients my_bench.toml   is the gradient right that light measures

  backbeam safe my_bench.toml         make everything safe, whatever happened

  backbeam resources                  what is connected, and which driver fits

Add --debug anywhere to see where an error comes from.
"""


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"backbeam {version('backbeam')}")
        raise typer.Exit


def build_application() -> typer.Typer:
    """Return the command-line application."""
    application = typer.Typer(
        name="backbeam",
        help=HELP,
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @application.callback()
    def options(
        version: Annotated[
            bool,
            typer.Option(
                "--version", callback=_print_version, is_eager=True, help="Print the version."
            ),
        ] = False,
    ) -> None:
        pass

    application.command(epilog=EXAMPLES)(train)
    application.command(epilog=EVALUATE_EXAMPLES)(evaluate)
    application.command(epilog=EXPORT_EXAMPLES)(export)
    application.command(epilog=RUNS_EXAMPLES)(runs)
    application.command(epilog=INIT_EXAMPLES)(init)
    application.command(epilog=MONITOR_EXAMPLES)(monitor)
    application.command(epilog=CTL_EXAMPLES)(ctl)
    application.command(epilog=CHECK_EXAMPLES)(check)
    application.command(epilog=ALIGN_EXAMPLES)(align)
    application.command(epilog=PLAN_EXAMPLES)(plan)
    application.command(epilog=CALIBRATE_EXAMPLES)(calibrate)
    application.command(epilog=CHECK_GRADIENTS_EXAMPLES)(check_gradients)
    application.command(epilog=SAFE_EXAMPLES)(safe)
    application.command(epilog=RESOURCES_EXAMPLES)(resources)
    application.command(epilog=SERVE_EXAMPLES)(serve)
    return application
