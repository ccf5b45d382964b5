"""Model files of jobs, written as they are asked for and shared by all units."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from collab.blocks import parse_any_key
from collab.files import writing
from collab.tensors.opaque import Opaque
from exporters.bundle import write_bundle, write_pieces
from exporters.manifests.manifest import MANIFEST
from exporters.tflite_route import write_block, write_chain, write_relu
from lut.tables import shape_text
from profiler.job_ids import BlockId, CallId, HandoverId, JobId, LoadedId, NetworkId, RehearsalId, SentinelId
from profiler.network_file import NetworkFile, no_block_of
from profiler.plan import AnyRehearsal, Network, config_network, network_name
from profiler.rehearsal import Rehearsal

SENTINEL_BLOCK: Final = "mbconv_14_k3s1_64-384-64_relu6"
"""The block that tells how fast a unit is, in new profiles. What was measured by another one is gone on with, and compared, by that."""
BLOCK_BETWEEN_HANDOVERS: Final = "mbconv_14_k3s1_32-128-32_relu6"
"""The block that either unit runs between two hand-overs, in new profiles. Where nothing else ran in between, a GPU's output was read in
0.6 of the time that it took in a running model, and its input written in half of it (lavapipe). Larger blocks leave writes too long,
smaller ones reads too short."""
PIECES_UNIT: Final = "cpu0"
"""The name of the only unit in the manifest of a network's bundle, whatever unit it is bound to."""
_CALL_SHAPE: Final = (1, 1, 1, 4)


class Models:
    """Writer of model files into a folder.

    Args:
        networks: all networks that jobs may name.
        rehearsals: likewise, all rehearsals.
        sentinel_block: the key of the block that sentinels run; of what is resumed or compared, the recorded one.
        between: likewise, of the block between two hand-overs.
        file: the network that opaque blocks are of; None: there are none.
    """

    def __init__(
        self,
        folder: Path,
        networks: Iterable[Network] = (),
        rehearsals: Iterable[AnyRehearsal] = (),
        *,
        sentinel_block: str = SENTINEL_BLOCK,
        between: str = BLOCK_BETWEEN_HANDOVERS,
        file: NetworkFile | None = None,
    ) -> None:
        self._folder, self._sentinel_block, self._between = folder, sentinel_block, between
        self._opaque_of = file
        self._networks = {network_name(network): network for network in networks}
        self._rehearsals = {rehearsal.name: rehearsal for rehearsal in rehearsals}
        self._written: dict[str, Path] = {}

    def of(self, job: JobId) -> Path:
        """Returns the model of a job: a model file, or the manifest of a network's pieces or of a rehearsal.

        Raises:
            ValueError: a job whose bundle comes from elsewhere.
        """
        match job:
            case BlockId():
                return self.block(job.block.key)
            case NetworkId() | LoadedId():
                return self.pieces(job.network)
            case RehearsalId():
                return self._rehearsal(job)
            case SentinelId():
                return self.block(self._sentinel_block)
            case HandoverId():
                return self._relu(job.shape)
            case CallId():
                return self._relu(_CALL_SHAPE)
        raise ValueError(f"{job.text} is run from a bundle, not from a model of the profiler's")

    def between_handovers(self) -> Path:
        """Returns the model that either unit runs between two hand-overs."""
        return self.block(self._between)

    def block(self, key: str) -> Path:
        """Returns the model of a single block.

        Raises:
            ConfigError: it is opaque, and the network at hand has no such block.
        """
        return self._file(key, lambda: self._block(key))

    def _block(self, key: str) -> bytes:
        block = parse_any_key(key)
        if not isinstance(block, Opaque):
            return write_block(block)
        if self._opaque_of is None:
            raise no_block_of(key, "")
        return self._opaque_of.slice_of(block)

    def whole(self, network: str) -> Path:
        """Returns the model of all blocks of a network, given by its name, as one segment."""
        return self._file(f"whole_{network}", lambda: self._whole(self._networks[network]))

    def _whole(self, network: Network) -> bytes:
        found = config_network(network)
        if found is not None:
            return write_chain([block for piece in found for block in piece])
        return self._network_file(network).whole_of(network)

    def _network_file(self, network: Network) -> NetworkFile:
        if self._opaque_of is None:
            raise no_block_of(network[0][0].key, "")
        return self._opaque_of

    def pieces(self, network: str) -> Path:
        """Returns the manifest of a network, given by its name, in its pieces on a unit called `PIECES_UNIT`."""
        return self._bundle(f"pieces_{network}", lambda out: self._write_pieces(self._networks[network], out))

    def _write_pieces(self, network: Network, out: Path) -> None:
        found = config_network(network)
        if found is not None:
            write_pieces(found, out, unit=PIECES_UNIT)
        else:
            self._network_file(network).write_pieces(network, out, unit=PIECES_UNIT)

    def _rehearsal(self, job: RehearsalId) -> Path:
        rehearsal = self._rehearsals[job.rehearsal]
        name = f"rehearsal_{job.one}_{job.other}_{job.rehearsal}"
        return self._bundle(name, lambda out: self._write_rehearsal(rehearsal, job, out))

    def _write_rehearsal(self, rehearsal: AnyRehearsal, job: RehearsalId, out: Path) -> None:
        if isinstance(rehearsal, Rehearsal):
            write_bundle(rehearsal.config, rehearsal.on(job.one, job.other), out)
        elif self._opaque_of is None:
            raise no_block_of(f"rehearsal {rehearsal.name}", "")
        else:
            self._opaque_of.write_rehearsal(rehearsal, out, one=job.one, other=job.other)

    def _bundle(self, name: str, write: Callable[[Path], object]) -> Path:
        if name not in self._written:
            write(self._folder / name)
            self._written[name] = self._folder / name / MANIFEST
        return self._written[name]

    def _relu(self, shape: tuple[int, ...]) -> Path:
        return self._file(f"relu_{shape_text(shape)}", lambda: write_relu(shape))

    def _file(self, name: str, write: Callable[[], bytes]) -> Path:
        if name not in self._written:
            path = self._folder / f"{name}.tflite"
            content = write()
            # Not put on the disk one by one: there are hundreds, and none is read again once this process has ended.
            with writing(path):
                path.write_bytes(content)
            self._written[name] = path
        return self._written[name]
