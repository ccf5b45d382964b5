"""Any network: reading a ``.tflite`` of others, checking it, and cutting it into blocks that are models of their own."""

from collab.system.starting import stop_quietly_while_starting

stop_quietly_while_starting(__name__)
