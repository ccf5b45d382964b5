"""Any network: reading a ``.tflite`` of others, checking it, and cutting it into blocks that are models of their own."""
