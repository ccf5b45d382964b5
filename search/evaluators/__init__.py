"""Evaluators: what tells how accurate a strategy's model is."""
