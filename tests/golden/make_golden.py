"""Writes numbers.txt: what NumPy, SciPy and ObsPy give, for the tests of worker/tests/golden/.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install numpy scipy obspy
    /tmp/venv/bin/python tests/golden/make_golden.py

A line of the file is `what parameters : numbers`; `x` is the input of everything after it.
"""

import platform
from pathlib import Path

import numpy as np
import obspy
import scipy
from numpy.lib.stride_tricks import sliding_window_view
from obspy.signal.trigger import classic_sta_lta, trigger_onset
from scipy.signal import butter, firwin, lfilter, sosfilt

from cases import line

RATE = 100.0
lines = [
    f"# Python {platform.python_version()}, NumPy {np.__version__}, "
    f"SciPy {scipy.__version__}, ObsPy {obspy.__version__}",
    "# Made by make_golden.py; x has 100 items per second.",
]


def case(what, numbers, **params):
    lines.append(line(what, numbers, params))


random = np.random.default_rng(20240229)
place = np.arange(240)
x = 3 * random.standard_normal(240) + 40 * np.sin(0.05 * place) + 0.01 * place + 1000
x = np.round(x * 64) / 64  # exact in f32 too
case("x", x)

# Windows.
functions = {
    "sum": np.sum,
    "mean": np.mean,
    "min": np.min,
    "max": np.max,
    "std": np.std,
    "var": np.var,
    "median": np.median,
    "ptp": np.ptp,
    "rms": lambda w, axis: np.sqrt(np.mean(np.square(w), axis=axis)),
}
for name, function in functions.items():
    for size, step in [(1, 1), (4, 1), (31, 1), (32, 3), (20, 20), (7, 50), (241, 1)]:
        rows = sliding_window_view(x, size)[::step] if size <= len(x) else np.empty((0, 1))
        case("window", function(rows, axis=1), fn=name, size=size, step=step)

# Butterworth: coefficients, then outputs.
bands = {
    "lowpass": [{"cutoff": 10.0}, {"cutoff": 0.5}, {"cutoff": 49.0}],
    "highpass": [{"cutoff": 10.0}, {"cutoff": 0.5}],
    "bandpass": [{"low": 0.5, "high": 10.0}, {"low": 20.0, "high": 21.0}, {"low": 0.1, "high": 45.0}],
    "bandstop": [{"low": 0.5, "high": 10.0}, {"low": 20.0, "high": 21.0}],
}
for btype, choices in bands.items():
    for edges in choices:
        frequencies = list(edges.values())
        frequencies = frequencies[0] if len(frequencies) == 1 else frequencies
        for order in [1, 2, 3, 4, 5, 8]:
            sos = butter(order, frequencies, btype, output="sos", fs=RATE)
            case(f"sos.{btype}", sos, order=order, **edges)
            if order in (3, 4):
                case(f"iir.{btype}", sosfilt(sos, x), order=order, **edges)

# Windowed sinc.
designs = [
    (31, 10.0, "hamming", "lowpass", True),
    (32, 10.0, "hann", "lowpass", True),
    (1, 10.0, "boxcar", "lowpass", True),
    (31, 10.0, "blackman", "highpass", True),
    (31, [10.0, 20.0], "blackmanharris", "bandpass", True),
    (31, [10.0, 20.0], "nuttall", "bandstop", True),
    (30, [10.0, 20.0], "flattop", "bandpass", False),
    (31, [40.0, 45.0], "bartlett", "bandpass", True),
    (31, [5.0, 10.0, 40.0], "hamming", "bandpass", True),
    (31, [5.0, 10.0, 40.0], "hamming", "bandstop", True),
    (31, 10.0, ("kaiser", 8.6), "lowpass", False),
    (101, 3.0, ("kaiser", 0.5), "highpass", True),
]
for numtaps, cutoff, window, pass_zero, scale in designs:
    taps = firwin(numtaps, cutoff, window=window, pass_zero=pass_zero, scale=scale, fs=RATE)
    words = {"numtaps": numtaps, "cutoff": cutoff, "window": window}
    if isinstance(window, tuple):
        words |= {"window": window[0], "beta": window[1]}
    words |= {"pass_zero": pass_zero, "scale": scale}
    case("firwin", taps, **words)
    case("fir", lfilter(taps, 1, x), **words)
taps = [0.5, -0.25, 0.125, 1.0, 3.0]
case("fir", lfilter(taps, 1, x), taps=taps)

# Triggers.
for sta, lta in [(1, 10), (5, 50), (20, 100), (30, 30)]:
    case("sta_lta", classic_sta_lta(x, sta, lta), sta=sta, lta=lta)
for on, off in [(1020.0, 1010.0), (1000.0, 1000.0), (1035.0, 990.0), (960.0, 940.0), (2000.0, 1.0)]:
    picks = trigger_onset(x, on, off)
    rows = [[a / RATE, b / RATE, x[a : b + 1].max()] for a, b in picks]
    case("threshold", rows, on=on, off=off)

(Path(__file__).parent / "numbers.txt").write_text("\n".join(lines) + "\n")
