"""The device, threads, precision and random numbers that torch computes with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor

from search.evaluators.base import EvaluationError


def pick_device(name: str | None = None) -> torch.device:
    """Returns the device of a name such as ``cuda:1``; without one the GPU if there is one, else the CPU.

    Raises:
        EvaluationError: torch has no such device here.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise EvaluationError(f"torch cannot use the device '{name}' here ({reason}); choose cpu, or leave the device out") from error
    return device


def set_threads(count: int | None) -> None:
    """Lets torch compute in `count` threads; None leaves its choice."""
    if count is not None and torch.get_num_threads() != count:
        torch.set_num_threads(count)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Makes torch draw from `seed` within a ``with`` block; after it, the random numbers go on as if nothing had been drawn."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def grad_scaler(device: torch.device) -> torch.amp.GradScaler:
    """Returns a scaler that keeps float16 gradients from vanishing on a GPU; elsewhere it does nothing."""
    return torch.amp.GradScaler(device.type, enabled=device.type == "cuda")


def mixed_precision(device: torch.device) -> torch.autocast:
    """Returns a context of float16 on a GPU, where it is safe; on CPUs, where it is slower or not there, of float32."""
    return torch.autocast(device.type, dtype=torch.float16 if device.type == "cuda" else torch.bfloat16, enabled=device.type == "cuda")


def to_device(images: object, device: torch.device) -> Tensor:
    """Moves numpy images to a device as a tensor, with channels last in memory, which convolutions are fastest with."""
    return torch.as_tensor(images).to(device=device, memory_format=torch.channels_last, non_blocking=True)


def labels_to(labels: object, device: torch.device) -> Tensor:
    """Moves numpy labels to a device as a tensor."""
    return torch.as_tensor(labels).to(device)
