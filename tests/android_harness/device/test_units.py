"""Units on devices: the default ones, those of a user with their cores, and the warnings on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.device.gpu_driver import DRIVER, with_note
from android_harness.device.info import Cluster, DeviceInfo
from android_harness.device.state import parse_state
from android_harness.device.units import default_units, resolve_units, warnings
from android_harness.targets.local import local_clusters
from collab.errors import ConfigError, DeviceError
from collab.units import UnitSpec, parse_unit
from tests.android_harness.device.made_states import PHONE

CLUSTERS = (Cluster((0, 1, 2, 3), 1_704_000), Cluster((4, 5, 6, 7), 2_367_000), Cluster((8,), 2_914_000))
PHONE_INFO = DeviceInfo("S1", {}, CLUSTERS)


def resolved(text: str, info: DeviceInfo = PHONE_INFO) -> UnitSpec:
    [spec] = resolve_units([parse_unit(text)], info).values()
    return spec


@st.composite
def devices(draw: st.DrawFn, least: int = 0) -> DeviceInfo:
    """A device with at least so many cores, in clusters of any size."""
    cores = draw(st.lists(st.integers(0, 63), min_size=least, max_size=16, unique=True))
    clusters: list[list[int]] = []
    for core in cores:
        if not clusters or draw(st.booleans()):
            clusters.append([])
        clusters[-1].append(core)
    return DeviceInfo("d", {}, tuple(Cluster(tuple(sorted(group)), 1000 + number) for number, group in enumerate(clusters)))


@given(devices(least=2))
def test_the_default_units_are_two_cores_than_which_none_is_faster(info: DeviceInfo) -> None:
    one, two = default_units(info)
    assert one.cores is not None
    assert two.cores is not None
    taken = {*one.cores, *two.cores}
    assert len(taken) == 2
    assert one.cores < two.cores
    rank = {core: number for number, cluster in enumerate(info.clusters) for core in cluster.cores}
    assert min(rank[core] for core in taken) >= max((rank[core] for core in info.cores if core not in taken), default=0)
    assert one.threads == two.threads == 1


def test_the_default_units_take_the_fastest_cluster_or_the_two_fastest_cores() -> None:
    assert [spec.cores for spec in default_units(PHONE_INFO)] == [(4,), (8,)]
    assert [spec.cores for spec in default_units(DeviceInfo("S1", {}, CLUSTERS[:2]))] == [(4,), (5,)]


def test_the_default_units_of_this_machine_do_not_share_a_core() -> None:
    one, two = default_units(DeviceInfo("local", {}, local_clusters()))
    assert one.cores
    assert two.cores
    assert not set(one.cores) & set(two.cores)


def test_one_core_is_too_few_for_default_units_and_the_way_out_works() -> None:
    lone = DeviceInfo("S1", {}, (Cluster((3,), None),))
    with pytest.raises(DeviceError, match="run on 1 core only, and two units want a core each; name the units with units="):
        default_units(lone)
    specs = [parse_unit("cpu:cores=3"), parse_unit("cpu:cores=3")]
    assert [spec.cores for spec in resolve_units(specs, lone).values()] == [(3,), (3,)]


@given(devices(least=2))
def test_without_units_the_default_ones_are_taken(info: DeviceInfo) -> None:
    assert resolve_units([], info) == dict(zip(("cpu0", "cpu1"), default_units(info), strict=True))


def test_units_are_named_by_kind_in_the_user_s_order() -> None:
    specs = [parse_unit(text) for text in ("gpu", "cpu:cores=8", "nnapi", "cpu:cores=0")]
    units = resolve_units(specs, PHONE_INFO)
    assert list(units) == ["gpu0", "cpu0", "nnapi0", "cpu1"]
    assert (units["gpu0"], units["nnapi0"]) == (specs[0], specs[2]), "units other than CPUs stay as they are"
    assert (units["cpu0"].cores, units["cpu1"].cores) == ((8,), (0,))


@pytest.mark.parametrize(
    ("cluster", "cores"),
    [("0", (0, 1, 2, 3)), ("1", (4, 5, 6, 7)), ("2", (8,)), ("little", (0, 1, 2, 3)), ("big", (8,))],
)
def test_a_cluster_is_its_cores(cluster: str, cores: Sequence[int]) -> None:
    spec = resolved(f"cpu:cluster={cluster}")
    assert spec.cores == cores
    assert spec.cluster is None
    assert resolved(spec.text) == spec, "what was resolved stays as it is"


def test_on_a_device_of_one_cluster_little_and_big_are_the_same() -> None:
    info = DeviceInfo("S1", {}, CLUSTERS[:1])
    assert resolved("cpu:cluster=little", info) == resolved("cpu:cluster=big", info) == resolved("cpu:cluster=0", info)
    with pytest.raises(ConfigError, match=r"has the clusters 0, which are also called little \(0\) and big \(0\)"):
        resolved("cpu:cluster=1", info)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cpu:cores=900", r"unit cpu0 \(cpu:threads=1,cores=900,.*\): core 900 is not there or may not be used; S1 has cores 0-8"),
        ("cpu:cores=8-9", "core 9 is not there"),
        ("cpu", "names no cores; write for example cpu:threads=1,cores=0-8"),
        ("cpu:threads=3", "write for example cpu:threads=3,cores=0-8"),
        ("cpu:cores=0,threads=2", "2 threads on 1 cores"),
        ("cpu:cluster=purple", r"has the clusters 0 \(the slowest\) to 2, which are also called little \(0\) and big \(2\)"),
        ("cpu:cluster=3", "has the clusters"),
        ("cpu:cluster=-1", "has the clusters"),
    ],
)
def test_units_that_a_device_lacks_are_refused(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        resolved(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cpu:cores=900", "core 900 is not there"),
        ("cpu", "names no cores"),
        ("cpu:cores=0,threads=2", "2 threads on 1 cores"),
        ("cpu:cluster=purple", "has the clusters"),
    ],
)
def test_units_that_this_machine_lacks_are_refused(text: str, reason: str) -> None:
    if text == "cpu:cores=0,threads=2" and 0 not in {core for cluster in local_clusters() for core in cluster.cores}:
        pytest.skip("this process may not run on core 0")
    with pytest.raises(ConfigError, match=reason):
        resolved(text, DeviceInfo("local", {}, local_clusters()))


@given(devices(), st.sets(st.integers(0, 63), min_size=1, max_size=4), st.integers(1, 6))
def test_a_unit_is_taken_exactly_if_its_cores_are_there_and_enough(info: DeviceInfo, cores: set[int], threads: int) -> None:
    spec = parse_unit(f"cpu:threads={threads}").on_cores(cores)
    if cores <= set(info.cores) and threads <= len(cores):
        assert resolve_units([spec], info) == {"cpu0": spec}
    else:
        with pytest.raises(ConfigError if info.cores else DeviceError):
            resolve_units([spec], info)


@pytest.mark.parametrize("unit", ["", "cpu:threads=1", "cpu:threads=1,cores=0", "cpu:threads=1,cluster=big", "cpu:threads=1,cluster=0"])
def test_a_device_that_shows_no_cores_is_one_sentence(unit: str) -> None:
    info = parse_state("S1", PHONE.partition("== cores")[0]).info
    with pytest.raises(DeviceError, match=r"S1 shows no CPU core .* readable"):
        resolve_units([parse_unit(unit)] if unit else [], info)
    assert set(resolve_units([parse_unit("gpu")], info)) == {"gpu0"}


def test_only_gpu_units_are_warned_of() -> None:
    info = DeviceInfo("x", {}, (), with_note({DRIVER: "llvmpipe"}))
    units = {"cpu0": parse_unit("cpu:cores=0"), "gpu0": parse_unit("gpu")}
    assert [sentence.split(":")[1].strip() for sentence in warnings(units, info)] == ["gpu0"]
    assert not list(warnings({"cpu0": units["cpu0"]}, info))


@pytest.mark.parametrize(("api_level", "warned"), [(None, []), (34, []), (35, ["nnapi0", "nnapi1"])])
def test_nnapi_units_are_warned_of_where_android_gives_them_up(api_level: int | None, warned: list[str]) -> None:
    info = DeviceInfo("S1", {}, CLUSTERS, api_level=api_level)
    units = {"nnapi0": parse_unit("nnapi"), "gpu0": parse_unit("gpu"), "nnapi1": parse_unit("nnapi:accelerator=tpu")}
    sentences = list(warnings(units, info))
    assert [sentence.split(":")[1].strip() for sentence in sentences] == warned
    assert all(sentence.startswith("Warning: ") and "deprecated" in sentence for sentence in sentences)


def test_a_gpu_has_the_backend_that_was_asked_for_or_the_runtimes_first() -> None:
    android = replace(PHONE_INFO, gpu_backends=("opencl", "opengl"))
    assert resolved("gpu", android).text == "gpu:backend=opencl,precision=fp32,engine=litert"
    assert resolved("gpu:backend=opengl,engine=classic", android).text == "gpu:backend=opengl,precision=fp32,engine=classic"
    # Linux has one alone, which tables have never named.
    assert resolved("gpu").text == resolved("gpu:backend=webgpu").text == "gpu:precision=fp32,engine=litert"


@pytest.mark.parametrize(
    ("text", "backends", "words"),
    [
        ("gpu:backend=opencl", ("webgpu",), "drives GPUs by webgpu, not by opencl; write for example gpu:backend=webgpu"),
        ("gpu:backend=webgpu", ("opencl", "opengl"), "drives GPUs by opencl or opengl, not by webgpu"),
    ],
)
def test_a_backend_that_the_runtime_lacks_is_never_exchanged_for_another(text: str, backends: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        resolved(text, replace(PHONE_INFO, gpu_backends=backends))
