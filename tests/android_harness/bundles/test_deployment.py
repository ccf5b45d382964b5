"""Options of deployments; deployments themselves are tested by the command, and with the phone."""

from __future__ import annotations

from itertools import product

import pytest

from android_harness.bundles.deployment import DeployOptions
from collab.errors import ConfigError
from lut.meta import WAITS
from lut.paths import REQUESTABLE_PATHS


@pytest.mark.parametrize(("wait", "path"), [*product(("", *WAITS), ("", *REQUESTABLE_PATHS))])
def test_every_way_of_handing_over_can_be_asked_for(wait: str, path: str) -> None:
    options = DeployOptions(wait=wait, path=path)
    assert (options.wait, options.path) == (wait, path)


@pytest.mark.parametrize(("wait", "path"), [("sleep", "shared"), ("spin", "upload"), ("SPIN", ""), ("", " ")])
def test_another_way_is_refused_with_those_that_there_are(wait: str, path: str) -> None:
    with pytest.raises(ConfigError) as refused:
        DeployOptions(wait=wait, path=path)
    name, value, ways = ("wait", wait, WAITS) if wait not in ("", *WAITS) else ("path", path, REQUESTABLE_PATHS)
    assert str(refused.value) == f"{name}={value!r}: one of {', '.join(ways)}"
