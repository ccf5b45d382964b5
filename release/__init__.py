"""Making a release: packages with and without a runner, and the checks of what they ask of a system."""
