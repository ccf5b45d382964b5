"""Exporters: cut a collaborative model into segments and write them as TFLite and ONNX models, gathered in a bundle."""

from collab.system.starting import stop_quietly_while_starting

stop_quietly_while_starting(__name__)
