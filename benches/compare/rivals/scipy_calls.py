"""SciPy's part: one call on a whole array.

A line server as gnuradio_flows.py. SciPy runs on one core; its arrays lie in memory before the clock starts, and the
best of three calls counts.
"""

import sys
import time

import numpy
import scipy
from scipy import ndimage, signal


def iir(channels, rng):
    sections = signal.butter(8, 0.2, output="sos").astype(numpy.float32)
    x = rng.standard_normal((channels, 1 << 18)).astype(numpy.float32)
    return x.size, lambda: signal.sosfilt(sections, x)


def mean(size, rng):
    x = rng.standard_normal(1 << 21).astype(numpy.float32)
    return x.size, lambda: ndimage.uniform_filter1d(x, size)


def maximum(size, rng):
    x = rng.standard_normal(1 << 20).astype(numpy.float32)
    return x.size, lambda: ndimage.maximum_filter1d(x, size)


def median(size, rng):
    x = rng.standard_normal(1 << 17).astype(numpy.float32)
    return x.size, lambda: ndimage.median_filter(x, size)


WORKS = {"iir": iir, "mean": mean, "max": maximum, "median": median}


def best(call):
    times = []
    for _ in range(3):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    print(f"SciPy {scipy.__version__}, NumPy {numpy.__version__}", flush=True)
    prepared = {}
    for line in sys.stdin:
        work, number, _ = line.split()
        if (work, number) not in prepared:
            prepared[work, number] = WORKS[work](int(number), numpy.random.default_rng(1))
        items, call = prepared[work, number]
        print(f"{items / best(call)}\twhole arrays of {items} items", flush=True)


main()
