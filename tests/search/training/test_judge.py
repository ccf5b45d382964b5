"""Accuracies, and the statistics of BatchNorms."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from search.training.judge import accuracy, recalibrate
from search.training.train import initial_network
from tests.search.models import micro
from tests.search.trainings import easy_data


def test_recalibration_gives_the_statistics_of_the_images() -> None:
    config = micro()
    data = easy_data(config)
    net = initial_network(config, seed=0)
    recalibrate(net, data, batches=3, batch=16)
    images = torch.from_numpy(np.stack([images for images, _ in data.calibration_batches(16, 3)]))
    with torch.no_grad():
        features = [net.stem_conv[0](batch) for batch in images]
    norm = net.stem_conv[1]
    assert torch.allclose(norm.running_mean, torch.stack([f.mean((0, 2, 3)) for f in features]).mean(0), atol=1e-5)
    assert torch.allclose(norm.running_var, torch.stack([f.var((0, 2, 3)) for f in features]).mean(0), rtol=1e-3)
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {norm.momentum for norm in norms} == {config.bn_momentum}
    assert not any(module.training for module in net.modules())


def test_accuracy_counts_hits() -> None:
    config = micro()
    data = easy_data(config)
    net = initial_network(config, seed=0)
    with torch.no_grad():
        net.classifier[1].weight.zero_()
        net.classifier[1].bias.copy_(torch.eye(10)[3])
    labels = [int(label) for _, batch in data.validation_batches(50) for label in batch]
    assert accuracy(net, data) == labels.count(3) / len(labels)
    assert accuracy(net, data, limit=40) == labels[:40].count(3) / 40 > 0
