"""Writes lfilter.txt: what SciPy gives for filters of given coefficients, for worker/tests/golden/lfilter.rs.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install numpy scipy
    /tmp/venv/bin/python tests/golden/make_lfilter.py

A line of the file is `what parameters : numbers`; `x` is the input of everything after it.
"""

import platform
from pathlib import Path

import numpy as np
import scipy
from scipy import signal

from cases import line

lines = [
    f"# Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}",
    "# Made by make_lfilter.py.",
]


def case(what, numbers, **params):
    lines.append(line(what, numbers, params, "%.12g"))


random = np.random.default_rng(20261123)
x = np.round(random.standard_normal(48) * 64 + 20) / 64  # exact in f32 too
lines.append(line("x", x, {}))
case("lfilter", signal.lfilter([0.5, -2, 3], [1], x), b=[0.5, -2, 3])
for b, a in [
    ([2.0], [4.0, -2.0]),
    ([1, 2, 3, 4, 5], [2, 0.5]),
    ([1, 2], [2, 0.5, -0.25, 0.125]),
    signal.butter(3, 0.2),
    signal.ellip(5, 1, 40, [0.2, 0.6], "bandpass"),
    signal.cheby2(12, 60, 0.4),
    signal.butter(9, 0.1, "highpass"),
]:
    b, a = list(map(float, b)), list(map(float, a))
    case("lfilter", signal.lfilter(b, a, x), b=b, a=a)
    zi = signal.lfilter_zi(b, a) * x[0]
    case("lfilter", signal.lfilter(b, a, x, zi=zi)[0], b=b, a=a, zi=zi)
for order in [1, 2, 5, 8]:
    sos = signal.butter(order, 0.15, output="sos")
    zi = signal.sosfilt_zi(sos) * x[0]
    case("iir", signal.sosfilt(sos, x, zi=zi)[0], sos=sos, zi=zi)

(Path(__file__).parent / "lfilter.txt").write_text("\n".join(lines) + "\n")
