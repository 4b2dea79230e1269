"""IoTPy's part: three processes, map, map and sink, from its package.

A line server as gnuradio_flows.py; a request is `three ITEMS SECONDS`. The source extends the first process's stream by
arrays; the agents are map_list with NumPy, IoTPy's quickest kind. IoTPy's buffers between processes know no full: one
that wraps loses what was not read, so each gets room for the whole run (BUFFER_SIZE), and ITEMS go through once.
Each request tries arrays of several lengths the first time and keeps the best. The time is from the source's first
item to the sink's last.
"""

import contextlib
import io
import multiprocessing
import sys
import threading
import time

import numpy

CHUNKS = (10_000, 100_000, 1_000_000)
# At the sink: when it had everything.
DONE = multiprocessing.Value("d", 0.0)
BEGUN = multiprocessing.Value("d", 0.0)


def iotpy(items):
    from IoTPy.concurrency import multicore
    from IoTPy.core import stream

    multicore.BUFFER_SIZE = 2 * items
    # Streams inside a process keep what their agents have not read.
    for module in (multicore, stream):
        for name in ("DEFAULT_NUM_IN_MEMORY", "BUFFER_SIZE"):
            if hasattr(module, name):
                setattr(module, name, 2 * items)
    return multicore


def run(items, chunk):
    multicore = iotpy(items)
    from IoTPy.agent_types.op import map_list
    from IoTPy.agent_types.sink import sink_list

    def plus(ins, outs):
        map_list(lambda x: numpy.asarray(x) + 1.0, ins[0], outs[0])

    def times(ins, outs):
        map_list(lambda x: 2.0 * numpy.asarray(x), ins[0], outs[0])

    def last(ins, outs):
        seen = [0]

        def take(x):
            seen[0] += len(x)
            if seen[0] >= items:
                DONE.value = time.time()

        sink_list(take, ins[0])

    def source(procs):
        data = numpy.arange(items, dtype="float64")
        BEGUN.value = time.time()
        for at in range(0, items, chunk):
            multicore.extend_stream(procs, data=data[at : at + chunk], stream_name="x")
        multicore.terminate_stream(procs, stream_name="x")

    specification = [
        [("x", "d"), ("y", "d"), ("z", "d")],
        [
            {"name": "p0", "agent": plus, "inputs": ["x"], "outputs": ["y"], "sources": ["x"]},
            {"name": "p1", "agent": times, "inputs": ["y"], "outputs": ["z"]},
            {"name": "p2", "agent": last, "inputs": ["z"]},
        ],
    ]
    DONE.value = 0.0
    processes, procs = multicore.get_processes_and_procs(specification)
    procs["p0"].threads = [threading.Thread(target=source, args=(procs,))]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    for process in processes:
        process.terminate()
    if DONE.value == 0.0:
        raise RuntimeError(f"the sink never had all {items}")
    return items / (DONE.value - BEGUN.value)


def main():
    print("IoTPy 1.1.0", flush=True)
    best = {}
    for line in sys.stdin:
        _, items, _ = line.split()
        items = int(items)
        try:
            # What it prints of itself is no answer.
            with contextlib.redirect_stdout(io.StringIO()):
                if items not in best:
                    few = items // 10
                    best[items] = max((c for c in CHUNKS if c <= few), key=lambda c: run(few, c))
                answer = run(items, best[items])
            print(f"{answer}\tmap_list over NumPy arrays of {best[items]}", flush=True)
        except Exception as problem:
            print(f"error\t{type(problem).__name__}: {problem}", flush=True)


main()
