"""``python -m report.run``: one page of HTML that draws profiles, verifications and searches, and needs nothing besides."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from collab.cli import make_app, print_json, run_app
from collab.console import say, tell
from collab.options import AsJson, PlacementText, models, option, place


def main(
    folders: Annotated[list[Path], place("FOLDER", help="Folders of profiles or searches, or what verify has written.")],
    out: Annotated[Path, option("-o", "--out", value="FILE", help="The page.")] = Path("report.html"),
    model: Annotated[
        str,
        option(
            value="MODEL",
            complete=models,
            help="A model of the zoo or a config, to be predicted from the first profile's tables; or the .tflite that was profiled.",
        ),
    ] = "",
    placement: PlacementText = "",
    plan: Annotated[
        Path | None,
        option(value="FILE", help="A plan of the profiled .tflite, as place writes it. Default: those that lie in the folders."),
    ] = None,
    title: Annotated[str, option(value="TEXT", help="Title of the page. Default: what it shows.")] = "",
    json: AsJson = False,
) -> None:
    """Draw profiles, verifications and searches as one page of HTML.

    The page needs nothing besides: it opens from the disk in any browser, without a network.
    """
    from collab.files import write_page
    from report.compose import compose
    from report.data.networks import asked_network, networks_of
    from report.data.sources import Sources, subjects

    sources = Sources()
    for folder in folders:
        sources.add(folder)
    network = asked_network(model)
    networks = networks_of(sources, model=network, plan=plan)
    html = compose(sources, subjects(sources, "" if network is not None else model, placement), networks, title=title)
    write_page(out, html)
    for warning in sources.warnings:
        tell(warning)
    size = len(html.encode())
    if json:
        print_json({"out": str(out), "bytes": size, "profiles": len(sources.profiles), "searches": len(sources.searches)})
    else:
        say(f"{out} ({size / 1e6:.1f} MB): open it in a browser.")


app = make_app(
    main,
    examples=(
        "syncnas report luts/phone -o report.html",
        "syncnas report luts/face --plan face.plan.json -o face.html",
        "syncnas report luts/phone luts/another found \\\n    --model mobilenet_v2",
    ),
)

if __name__ == "__main__":
    run_app(app)
