"""The harness: devices, the native runner, phases and their journals."""

from collab.system.starting import stop_quietly_while_starting

stop_quietly_while_starting(__name__)
