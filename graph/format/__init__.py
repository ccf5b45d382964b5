"""The TFLite format: bytes to checked records, and records to bytes."""
