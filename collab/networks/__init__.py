"""Torch networks of model configs, and their weights. torch is imported only here and where a network is trained."""
