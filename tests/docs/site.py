"""The site's settings, as mkdocs.yml has them."""

from __future__ import annotations

import re

from tests.pages import REPOSITORY


def nav_pages() -> list[str]:
    """The pages of the site's menu, in its order, relative to docs; notebooks are pages too.

    Read as text: the file has tags that only mkdocs knows.
    """
    menu = (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    return re.findall(r"([\w/-]+\.md)$", menu, re.MULTILINE)
