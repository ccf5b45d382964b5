"""The setting of a profile by which its units hand features over."""

from __future__ import annotations

import msgspec

from collab.wording.options import option_named
from lut.meta import WAITS
from lut.paths import REQUESTABLE_PATHS


class HandoverSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The wait mode of receivers and the path that is asked for: predictions take the hand-overs that were timed in this way."""

    wait: str = "spin"
    path: str = "shared"

    def __post_init__(self) -> None:
        if self.wait not in WAITS or self.path not in REQUESTABLE_PATHS:
            raise ValueError(
                f"hand-over by {self.path} and {self.wait}: {option_named('--path')} is shared or memcpy, {option_named('--wait')} one of"
                f" {', '.join(WAITS)}"
            )
