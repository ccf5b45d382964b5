"""Models for tests: collaborative variants of base models, which the zoo has few of."""

from __future__ import annotations

from typing import Any

from collab.config import ModelConfig, from_document


def collaborative(base: ModelConfig, strategy: str, *, branches: int = 2, scale: float = 1.0) -> ModelConfig:
    """A collaborative model of a base model's stages.

    Every branch has the base's blocks. Expansions are multiples of 4: `scale` times the base's on branch 0, and a tenth less on each
    further branch (never none), so that branches differ. Blocks without expansion keep none. Where the strategy says ``c`` the last
    block of the stage is split into shares that are multiples of 4, the first branches taking what does not divide evenly.

    Args:
        strategy: one letter per stage, ``n``, ``a`` or ``c``; the last is ``a`` or ``c``.
    """
    if base.is_collaborative or len(strategy) != len(base.stages):
        raise ValueError(f"a base model and one letter for each of its {len(base.stages)} stages are needed, got {base.name}, {strategy!r}")
    document: dict[str, Any] = {key: value for key, value in base.document.items() if not key.isdigit()}
    for index, letter in enumerate(strategy):
        rows: list[list[int]] = base.document[str(index)]
        shares = _shares(rows[-1][5], branches) if letter == "c" else [rows[-1][5]] * branches
        factors = [scale * max(0.2, 1 - 0.1 * branch) for branch in range(branches)]
        document[str(index)] = {str(branch): _branch_rows(rows, shares[branch], factors[branch]) for branch in range(branches)}
    name = f"{base.name}_x{branches}_{strategy}"
    return from_document({**document, "name": name, "sync": list(strategy)}, origin=name)


def tiny() -> ModelConfig:
    """A base model of three one-block stages, for what takes time per block: no expansion; stride 2; a residual."""
    return from_document(
        {
            "name": "tiny",
            "act": "ReLU",
            "stem": [3, 16, 3, 2],
            "head": [24, 48, 1, 1],
            "0": [[24, 3, 1, 16, 16, 16]],
            "1": [[24, 5, 2, 16, 40, 24]],
            "2": [[12, 3, 1, 24, 64, 24]],
            "bn_momentum": 0.1,
            "num_classes": 10,
        }
    )


def _branch_rows(rows: list[list[int]], out_c: int, factor: float) -> list[list[int]]:
    widened = [[*row[:4], row[4] if row[4] == row[3] else _width(row[4], factor, row[3]), row[5]] for row in rows]
    widened[-1][5] = out_c
    return widened


def _width(exp_c: int, factor: float, in_c: int) -> int:
    width = max(4, 4 * round(exp_c * factor / 4))
    # Equal to in_c it would mean a block without expansion, another block than the base's.
    return width + 4 if width == in_c else width


def _shares(channels: int, branches: int) -> list[int]:
    quads, rest = divmod(channels, 4)
    if rest or quads < branches:
        raise ValueError(f"{channels} channels have no {branches} shares that are multiples of 4")
    return [4 * (quads // branches + (branch < quads % branches)) for branch in range(branches)]
