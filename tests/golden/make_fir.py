"""Writes fir.txt: what SciPy gives for finite filters' designs, for worker/tests/golden/fir.rs.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install numpy scipy
    /tmp/venv/bin/python tests/golden/make_fir.py

A line of the file is `what parameters : numbers`; `x` is the input of everything after it. The first `x` is an impulse, so that
its lines are the taps.
"""

import platform
from pathlib import Path

import numpy as np
import scipy
from scipy import signal

from cases import line

RATE = 100.0
lines = [
    f"# Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}",
    "# Made by make_fir.py; x has 100 items per second.",
]


def case(what, numbers, **params):
    lines.append(line(what, numbers, params))


x = signal.unit_impulse(129)
case("x", x)


def remez(numtaps, bands, desired, weight=None, type="bandpass"):
    try:
        taps = signal.remez(numtaps, bands, desired, weight=weight, type=type, fs=RATE, maxiter=100)
    except ValueError as error:  # "Failure to converge"
        return print(numtaps, bands, type, error)
    words = dict(numtaps=numtaps, bands=bands, desired=desired, type=type)
    if weight is not None:
        words["weight"] = weight
    case("fir.remez", signal.lfilter(taps, 1, x), **words)


for numtaps in [3, 10, 31, 64, 129]:
    remez(numtaps, [0, 10, 15, 50], [1, 0])
    remez(numtaps | 1, [0, 5, 9, 20, 26, 50], [0, 1, 0], weight=[10, 1, 3])
    if numtaps <= 64:  # Beyond, the errors are so small that SciPy's taps have few digits.
        remez(numtaps, [4, 46], [1], type="hilbert")
    if numtaps <= 31:
        remez(numtaps, [0, 40], [1], type="differentiator")
remez(46, [0, 20, 25, 50], [1, 0], type="differentiator")
remez(33, [0, 10, 15, 50], [0, 1])


def firls(numtaps, bands, desired, weight=None):
    taps = signal.firls(numtaps, bands, desired, weight=weight, fs=RATE)
    words = dict(numtaps=numtaps, bands=bands, desired=desired)
    if weight is not None:
        words["weight"] = weight
    case("fir.firls", signal.lfilter(taps, 1, x), **words)


for numtaps in [3, 11, 31]:  # Beyond, SciPy's own lose digits: firls.txt.
    firls(numtaps, [0, 10, 15, 50], [1, 1, 0, 0])
    firls(numtaps, [0, 10, 12, 20, 25, 50], [0, 2, 1, 1, 0, 0], weight=[1, 5, 0.3])

for ripple, width in [(60, 4.0), (30, 3.0), (15, 2.0), (100, 6.5)]:
    numtaps, beta = signal.kaiserord(ripple, width / (RATE / 2))
    window = ("kaiser", beta)
    taps = signal.firwin(numtaps, 20.0, window=window, fs=RATE)
    case("fir.lowpass", signal.lfilter(taps, 1, x), cutoff=20.0, ripple=ripple, width=width)
    taps = signal.firwin(numtaps | 1, 20.0, window=window, pass_zero=False, fs=RATE)
    case("fir.highpass", signal.lfilter(taps, 1, x), cutoff=20.0, ripple=ripple, width=width)

random = np.random.default_rng(20260301)
x = np.round((3 * random.standard_normal(64) + 5) * 64) / 64  # exact in f32 too
case("x", x)
for window, order, deriv, delta in [(1, 0, 0, 1.0), (5, 2, 0, 1.0), (11, 3, 1, 0.5), (31, 5, 2, 0.1), (21, 4, 4, 1.0), (7, 2, 3, 1.0)]:
    taps = signal.savgol_coeffs(window, order, deriv=deriv, delta=delta)
    case("savgol", signal.lfilter(taps, 1, x), window_length=window, polyorder=order, deriv=deriv, delta=delta)
for numtaps, window in [(21, "hamming"), (7, "blackman")]:
    k = np.arange(numtaps) - numtaps // 2
    fade = signal.get_window(window, numtaps, fftbins=False)
    ideal = np.where(k == 0, 0.0, np.cos(np.pi * k) / np.where(k == 0, 1, k)) * RATE
    slope = -np.sum(k * ideal * fade) / RATE
    case("differentiator", signal.lfilter(ideal * fade / slope, 1, x), numtaps=numtaps, window=window)
    ideal = np.where(k % 2 == 0, 0.0, 2 / (np.pi * np.where(k == 0, 1, k)))
    delayed = signal.lfilter(signal.unit_impulse(numtaps, numtaps // 2), 1, x)
    case("hilbert", delayed + 1j * signal.lfilter(ideal * fade, 1, x), numtaps=numtaps, window=window)

(Path(__file__).parent / "fir.txt").write_text("\n".join(lines) + "\n")
