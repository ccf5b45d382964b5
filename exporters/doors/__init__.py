"""Doors: how networks that are no ``.tflite`` become one. Each module is one door."""
