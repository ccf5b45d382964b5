"""The harness: devices, the native runner, phases and their journals."""
