from __future__ import annotations

from android_harness.protocol.journal import JobFailed
from profiler.effort import QUICK
from profiler.job_ids import BlockId
from profiler.pending import pending_batches
from profiler.plan import Plan
from profiler.samples import SampleStore
from tests.profiler.made_events import BLOCK, CALL, JOB, request, time_done


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
