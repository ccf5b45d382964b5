from __future__ import annotations

from android_harness.protocol.journal import JobFailed
from profiler.effort import QUICK
from profiler.job_ids import BlockId, LoadedId, NetworkId
from profiler.pending import pending_batches
from profiler.plan import Plan
from profiler.samples import SampleStore
from tests.profiler.made_events import BLOCK, CALL, JOB, LARGE, network_done, request, time_done


def test_only_what_lacks_rounds_is_pending() -> None:
    store = SampleStore()
    plan = Plan((BLOCK,), ())
    before = sum(len(work.jobs) for work in pending_batches(request(plan), store))
    assert before == 2 * 2
    for _ in range(QUICK.min_rounds):
        store.add(time_done(JOB, [1000]))
    store.add(time_done(CALL, [1000]))
    store.add(JobFailed(BlockId("cpu1", BLOCK).text, 0, "crashed"))
    work = pending_batches(request(plan), store)
    assert JOB not in [job.text for item in work for job in item.jobs]
    assert {(item.rounds, job.text) for item in work for job in item.jobs} == {
        (QUICK.max_rounds - 1, CALL),
        (QUICK.max_rounds, "fixed/cpu1"),
        (QUICK.max_rounds, BlockId("cpu1", BLOCK).text),
    }


def test_jobs_of_a_group_make_as_many_rounds_as_the_one_that_lacks_most() -> None:
    base, narrow = ((BLOCK,),), ((LARGE,),)
    plan = Plan((), (), (base, narrow))
    alone, loaded = NetworkId.of("cpu0", base), [LoadedId.of("cpu0", "cpu1", base, load) for load in (base, narrow)]

    def pending(store: SampleStore) -> dict[str, int]:
        jobs = {job.text: batch.rounds for batch in pending_batches(request(plan), store) for job in batch.jobs}
        return {job.text: jobs[job.text] for job in (alone, *loaded) if job.text in jobs}

    store = SampleStore()
    visits = {alone: QUICK.min_rounds, loaded[0]: QUICK.min_rounds, loaded[1]: 3}
    for job, count in visits.items():
        for _ in range(count):
            store.add(network_done(job.text, [1000]))
    assert set(pending(store).items()) == {(job.text, QUICK.max_rounds - 3) for job in visits}
    for _ in range(QUICK.min_rounds - 3):
        store.add(network_done(loaded[1].text, [1000]))
    assert not pending(store)
    store.add(JobFailed(loaded[0].text, 0, "crashed"))
    assert set(pending(store).items()) == {(job.text, QUICK.max_rounds) for job in visits}
