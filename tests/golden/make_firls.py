"""Writes firls.txt: the exact taps of least-squares filters whose transitions are wide for their length, by mpmath with 60 digits,
for worker/tests/golden/firls.rs. What SciPy's taps have to do with them stands beside each.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install numpy scipy mpmath
    /tmp/venv/bin/python tests/golden/make_firls.py

A line of the file is `what parameters : numbers`.
"""

import platform
import warnings
from pathlib import Path

import mpmath
import numpy as np
import scipy
from mpmath import cos, mpf, pi, sin
from scipy import signal

from cases import line

mpmath.mp.dps = 60
warnings.simplefilter("ignore", scipy.linalg.LinAlgWarning)
lines = [
    f"# Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}, mpmath {mpmath.__version__}",
    "# Made by make_firls.py. `scipy_is_off_by` is how far SciPy's taps are from these.",
]


def firls(numtaps, bands, desired, weight, rate):
    """The taps as numbers of 60 digits: the integrals of the normal equations by hand, then Cholesky's factors."""
    half = (numtaps - 1) // 2
    edges = [mpf(f) / (mpf(rate) / 2) for f in bands]

    def over(antiderivative):
        total = mpf(0)
        for k, w in enumerate(weight):
            low, high = edges[2 * k : 2 * k + 2]
            slope = (mpf(desired[2 * k + 1]) - mpf(desired[2 * k])) / (high - low)
            start = desired[2 * k] - low * slope
            total += mpf(w) * (antiderivative(high, start, slope) - antiderivative(low, start, slope))
        return total

    def constant(n):
        return over(lambda f, start, slope: sin(pi * n * f) / (pi * n) if n else f)

    def wanted(n):
        if n == 0:
            return over(lambda f, start, slope: start * f + slope * f * f / 2)
        return over(lambda f, start, slope: (start + slope * f) * sin(pi * n * f) / (pi * n) + slope * cos(pi * n * f) / (pi * n) ** 2)

    q = [constant(n) for n in range(numtaps)]
    matrix = mpmath.matrix([[q[abs(i - j)] + q[i + j] for j in range(half + 1)] for i in range(half + 1)])
    a = list(mpmath.cholesky_solve(matrix, mpmath.matrix([wanted(n) for n in range(half + 1)])))
    return a[:0:-1] + [2 * a[0]] + a[1:]


def case(numtaps, bands, desired, weight, rate):
    exact = firls(numtaps, bands, desired, weight, rate)
    theirs = signal.firls(numtaps, bands, desired, weight=weight, fs=rate)
    off = max(abs(mpf(float(tap)) - x) for tap, x in zip(theirs, exact))
    words = dict(numtaps=numtaps, bands=bands, desired=desired, weight=weight, rate=rate, scipy_is_off_by="%.1e" % off)
    lines.append(line("fir.firls", [float(x) for x in exact], words))


case(51, [0, 400, 700, 1000], [1, 1, 0, 0], [1, 1], 2000)
case(51, [0, 200, 600, 1000], [1, 1, 0, 0], [1, 1], 2000)
case(77, [0, 590, 788, 1000], [1, 1, 0, 0], [1, 2.5], 2000)
case(101, [0, 10, 15, 50], [1, 1, 0, 0], [1, 1], 100)
case(101, [0, 10, 12, 20, 25, 50], [0, 2, 1, 1, 0, 0], [1, 5, 0.3], 100)
case(101, [0, 10, 20, 50], [1, 1, 0, 0], [1, 1], 100)
case(43, [0, 0.12, 0.53, 0.58, 0.84, 1], [0.5, 0, 0, 1, 0, 0.5], [1, 1, 1], 2)
case(31, [0.3, 3.1, 7.7, 24], [0, 1, 2, 0.5], [0.3, 4], 48)

Path(__file__).with_name("firls.txt").write_text("\n".join(lines) + "\n")
