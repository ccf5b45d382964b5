"""Exporters: cut a collaborative model into segments and write them as TFLite and ONNX models, gathered in a bundle."""
