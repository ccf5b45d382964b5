"""Evaluators, which tell how accurate a strategy's model is."""
