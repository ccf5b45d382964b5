"""The whole way of a network that is no config: profiled, placed, exported by the plan, and run on the real runner."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graph.format.writing import model_bytes
from tests.graph.random_networks import random_network
from tests.graph.sample import NO_SOURCE
from tests.processes import run_command
