"""Measures the accuracy of a network on validation images, and the BatchNorm statistics that it needs for that."""

from __future__ import annotations

from typing import Final

import torch
from torch import nn

from collab.networks.network import Network
from search.data.base import VALIDATION_BATCH, Data
from search.training.torch_device import labels_to, mixed_precision, to_device

CALIBRATION_BATCHES: Final = 8
CALIBRATION_BATCH: Final = 128


def accuracy(network: Network, data: Data, device: torch.device | None = None, *, limit: int | None = None) -> float:
    """Returns the share of the validation images, or of the first `limit`, whose highest logit is their label's.

    Leaves inference mode on.
    """
    device = device or next(network.parameters()).device
    network.to(device=device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    hits = torch.zeros((), dtype=torch.long, device=device)
    count = 0
    with torch.inference_mode(), mixed_precision(device):
        for images, labels in data.validation_batches(VALIDATION_BATCH, limit=limit):
            hits += (network(to_device(images, device)).argmax(1) == labels_to(labels, device)).sum()
            count += len(labels)
    return int(hits) / count


def recalibrate(
    network: Network, data: Data, device: torch.device | None = None, *, batches: int = CALIBRATION_BATCHES, batch: int = CALIBRATION_BATCH
) -> None:
    """Replaces all BatchNorm statistics by their mean over training images, without which weights sliced out of others are worthless.

    Source: Yu & Huang, "Universally Slimmable Networks", ICCV 2019; Cai et al., "Once-for-All", ICLR 2020. Leaves inference mode on.
    """
    device = device or next(network.parameters()).device
    network.to(device=device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's way to ask for the plain mean over all batches
        norm.train()
    with torch.no_grad(), mixed_precision(device):
        for images, _ in data.calibration_batches(batch, batches):
            network(to_device(images, device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
