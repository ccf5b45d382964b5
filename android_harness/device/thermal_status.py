"""Android's thermal status (https://developer.android.com/reference/android/os/PowerManager#getCurrentThermalStatus())."""

from __future__ import annotations

from typing import Final

THERMAL_STATUSES: Final = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
"""Names by number. At light, "the user experience is not impacted"; phones that charge or lie in the sun stay there for hours."""
