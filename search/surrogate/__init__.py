"""The surrogate: a prediction of the values of leaves that were not evaluated yet, from the evaluations so far."""
