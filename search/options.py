"""Options of `search.run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, TypeAlias

from collab.options import EXPERT, flag, models, number, option, whole

_TRAINING: Final = "Training (evaluators supernet and train)"
_OTHERS: Final = "Other evaluators (command and table)"
_WORKERS: Final = "Several workers"

Out: TypeAlias = Annotated[Path, option(value="FOLDER", help="Folder of what is found: config, archive, journal.")]
Tables: TypeAlias = Annotated[Path | None, option(value="FOLDER", help="Folder of the device's tables; not needed for --evaluator table.")]
BaseModel: TypeAlias = Annotated[
    str,
    option(
        value="MODEL",
        complete=models,
        help="Base model: of the zoo, or a config. NAME:blocks allows a sync after any block.",
    ),
]
Budget: TypeAlias = Annotated[str, option(value="BUDGETS", help="0.5x of the base model's latency, or 12ms; several with commas between.")]
Evaluator: TypeAlias = Annotated[
    str,
    option(
        value="NAME",
        complete=("supernet", "train", "command", "table"),
        help="What tells accuracies: supernet, train, command or table.",
    ),
]
Evaluations: TypeAlias = Annotated[int, whole(least=1, most=1_000_000, help="How many strategies are evaluated, per budget.")]
Resume: TypeAlias = Annotated[bool, flag("--resume", help="Go on with the search in the folder.")]
Images: TypeAlias = Annotated[
    str,
    option(value="DATA", panel=_TRAINING, help="glyphs, digits, or a folder of images (train/CLASS/*, val/CLASS/*)."),
]
Epochs: TypeAlias = Annotated[
    float | None,
    number(least=0.001, most=100_000, panel=_TRAINING, help="Passes over the data: of the supernet (8) or of each training (5)."),
]
Batch: TypeAlias = Annotated[int, whole(least=2, most=65536, value="IMAGES", panel=_TRAINING, help="Images in a training step.")]
LearningRate: TypeAlias = Annotated[
    float | None, number(least=1e-9, most=100, panel=_TRAINING, help="Highest learning rate of a training.")
]
Validation: TypeAlias = Annotated[
    int | None, whole(least=1, value="IMAGES", panel=_TRAINING, help="Images that an accuracy is measured on. Default: all.")
]
Weights: TypeAlias = Annotated[
    Path | None,
    option(value="FILE", panel=_TRAINING, help="With train: a checkpoint that models inherit their weights from."),
]
Threads: TypeAlias = Annotated[
    int | None,
    whole(least=1, most=1024, panel=_TRAINING, help="Threads of each training. Default: all cores, shared among workers."),
]
AccuracyTable: TypeAlias = Annotated[Path | None, option(value="FILE", panel=_OTHERS, help="With table: a CSV of strategy,accuracy.")]
Program: TypeAlias = Annotated[
    str, option(value="PROGRAM", panel=_OTHERS, help="With command: a program; {config} stands for the config's path.")
]
TimeoutS: TypeAlias = Annotated[
    float, number(least=0.1, most=1e7, value="SECONDS", panel=_OTHERS, help="With command: how long one evaluation may take.")
]
Retries: TypeAlias = Annotated[
    int, whole(least=0, most=100, panel=_OTHERS, help="With command, ray: so often a failed evaluation is tried again.")
]
Workers: TypeAlias = Annotated[int, whole(least=1, most=256, panel=_WORKERS, help="Evaluations at the same time.")]
Executor: TypeAlias = Annotated[str, option(value="NAME", complete=("local", "ray"), panel=_WORKERS, help="local, or ray.")]
Address: TypeAlias = Annotated[
    str,
    option(
        value="ADDRESS",
        panel=_WORKERS,
        help="With ray: the cluster's address; auto finds the one that this machine is part of, local starts one.",
    ),
]
Cpus: TypeAlias = Annotated[float, number(least=0, most=1024, panel=_WORKERS, help="With ray: CPUs of one evaluation.")]
Gpus: TypeAlias = Annotated[float, number(least=0, most=64, panel=_WORKERS, help="With ray: GPUs of one evaluation, e.g. 0.25.")]
Margin: TypeAlias = Annotated[
    float,
    number(
        least=0,
        most=100,
        value="SHARE",
        panel=EXPERT,
        help="Predictions stay this fraction below the budget: 0.1 where verify finds them 10 % too low.",
    ),
]
Placement: TypeAlias = Annotated[
    str,
    option(
        value="PLACEMENT",
        complete=("best", "tree"),
        panel=EXPERT,
        help="best: the roomiest for each strategy; tree: part of the search; or one, e.g. 0=gpu0,1=cpu0.",
    ),
]
LatencyWeight: TypeAlias = Annotated[
    float,
    number(least=0, most=10, panel=EXPERT, help="Maximise accuracy x (budget / latency) ^ this; 0: accuracy alone."),
]
Multiple: TypeAlias = Annotated[int, whole(least=1, most=1024, panel=EXPERT, help="Expansion channels are multiples of this.")]
Method: TypeAlias = Annotated[
    str,
    option(
        value="NAME",
        complete=("surrogate", "tree", "uct"),
        panel=EXPERT,
        help="surrogate: the largest improvement expected; tree: down the tree, with priors from that; uct: down the tree without.",
    ),
]
Seed: TypeAlias = Annotated[int, whole(least=0, panel=EXPERT, help="Seed of the search and of all that is trained.")]
