"""Reports: one page of HTML, whole in itself, that draws what profiles, verifications and searches have left, and traces for Perfetto."""

from collab.system.starting import stop_quietly_while_starting

stop_quietly_while_starting(__name__)
