"""GNU Radio's part: flow graphs whose throughput is read from the running sink.

A line server. A request is a line `WORK NUMBER SECONDS`; the answer is `ITEMS_PER_SECOND<tab>SETTINGS`.
The first request for a work tries every setting for a moment and keeps the best, so GNU Radio always runs at its
best: buffer sizes, blocks left to the scheduler or bound to halves of the two cores. The rate is that of the sink over
a window in the middle of the run: starting and stopping do not count. VOLK's kernels are those that volk_profile chose.
"""

import sys
import time

import numpy
from gnuradio import blocks, fft, filter, gr

BUFFERS = (None, 1 << 13, 1 << 15, 1 << 17)
BOUND = (False, True)
TRIAL_SECONDS = 0.15


def copies(stages):
    return 1, gr.sizeof_float, [[blocks.copy(gr.sizeof_float)] for _ in range(stages)]


def firs(stages):
    return 1, gr.sizeof_float, [[filter.fir_filter_fff(1, taps(64))] for _ in range(stages)]


def fft_firs(stages):
    return 1, gr.sizeof_float, [[filter.fft_filter_fff(1, taps(64))] for _ in range(stages)]


def ffts(size):
    return 1, gr.sizeof_gr_complex, [
        [blocks.stream_to_vector(gr.sizeof_gr_complex, size)],
        [fft.fft_vcc(size, True, [], False, 1)],
        [blocks.vector_to_stream(gr.sizeof_gr_complex, size)],
    ]


def vector_ffts(size):
    return size, gr.sizeof_gr_complex * size, [[fft.fft_vcc(size, True, [], False, 1)]]


def iirs(channels):
    # What scipy.signal.butter(8, 0.2) gives, computed without SciPy.
    b, a = butter8()
    return 1, gr.sizeof_float, [[filter.iir_filter_ffd(b, a, False) for _ in range(channels)]]


def means(size):
    # The longest iteration is how often it begins its running sum anew: large is fastest.
    return 1, gr.sizeof_float, [[blocks.moving_average_ff(size, 1.0 / size, 1 << 16)]]


def taps(count):
    return (numpy.hamming(count) / count).tolist()


def butter8():
    warp = numpy.tan(numpy.pi * 0.2 / 2)
    poles = warp * numpy.exp(1j * numpy.pi * (2 * numpy.arange(1, 9) + 7) / 16)
    a = numpy.real(numpy.poly((1 + poles) / (1 - poles)))
    b = numpy.poly(-numpy.ones(8))
    return (b * a.sum() / b.sum()).tolist(), a.tolist()


WORKS = {
    "copy": copies,
    "fir": firs,
    "fftfir": fft_firs,
    "fft": vector_ffts,
    "fftstream": ffts,
    "iir": iirs,
    "mean": means,
}


def rate(work, number, buffer, bound, seconds):
    """Items per second at the sinks; with several blocks in one stage, items of all of them together."""
    items_each, size, stages = WORKS[work](number)
    graph = gr.top_block()
    width = max(len(stage) for stage in stages)
    sinks = []
    for lane in range(width):
        chain = [blocks.null_source(size if len(stages) != 3 else gr.sizeof_gr_complex)]
        chain += [stage[lane] for stage in stages]
        chain.append(blocks.null_sink(size))
        graph.connect(*chain)
        sinks.append(chain[-1])
        for at, block in enumerate(chain):
            if buffer and at + 1 < len(chain):
                block.set_min_output_buffer(max(buffer // items_each, 2))
            if bound:
                half = at * 2 // len(chain) if width == 1 else lane % 2
                block.set_processor_affinity([half])
    graph.start()
    time.sleep(min(0.1, seconds / 3))
    before, start = [sink.nitems_read(0) for sink in sinks], time.perf_counter()
    time.sleep(seconds)
    after, end = [sink.nitems_read(0) for sink in sinks], time.perf_counter()
    graph.stop()
    graph.wait()
    return (sum(after) - sum(before)) * items_each / (end - start)


def best_setting(work, number):
    settings = [(buffer, bound) for buffer in BUFFERS for bound in BOUND]
    return max(settings, key=lambda setting: rate(work, number, *setting, TRIAL_SECONDS))


def main():
    gr.logging().set_default_level(gr.log_levels.warn)
    chosen = {}
    print(f"GNU Radio {gr.version()}", flush=True)
    for line in sys.stdin:
        work, number, seconds = line.split()
        key = (work, int(number))
        if key not in chosen:
            chosen[key] = best_setting(*key)
        buffer, bound = chosen[key]
        settings = f"buffers of {buffer or 'default'} items, {'bound to cores' if bound else 'threads left to the system'}"
        print(f"{rate(*key, buffer, bound, float(seconds))}\t{settings}", flush=True)


main()
