"""Data that networks are trained and judged on. numpy only; what decodes or fetches is imported where it is used."""
