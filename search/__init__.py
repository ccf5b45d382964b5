"""The search: where branches synchronise and how wide each block may be, within a latency budget."""

from collab.system.starting import stop_quietly_while_starting

stop_quietly_while_starting(__name__)
