"""NNAPI on a device: the Android version that deprecates it, and the advice from there on."""

from __future__ import annotations

from typing import Final

from android_harness.device.info import DeviceInfo

NNAPI_DEPRECATED: Final = "NNAPI is deprecated since Android 15: vendors stop to maintain it, and it may run on the CPU"
NNAPI_ADVICE: Final = "LiteRT's own NPU drivers take its place; --unit npu is not there yet, so measure CPU and GPU meanwhile"
_NNAPI_DEPRECATED_API: Final = 35


def nnapi_is_deprecated(info: DeviceInfo) -> bool:
    """Tells whether the device's Android advises against NNAPI (https://developer.android.com/ndk/guides/neuralnetworks/migration-guide)."""
    return info.api_level is not None and info.api_level >= _NNAPI_DEPRECATED_API
