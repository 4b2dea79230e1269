"""Writes savgol.txt: what SciPy's savgol_filter gives under each of its modes, for worker/tests/golden/savgol.rs.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install numpy scipy
    /tmp/venv/bin/python tests/golden/make_savgol.py

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
    "# Made by make_savgol.py.",
]
random = np.random.default_rng(20261126)
x = np.round(random.standard_normal(60) * 64 + 3 * np.arange(60)) / 64  # exact in f32 too
for x in (x, x[:8]):
    lines.append(line("x", x, {}))
    for window, order, deriv, delta in ((1, 0, 0, 1), (3, 1, 0, 1), (7, 2, 1, 0.5), (7, 4, 2, 2), (41, 5, 0, 1), (21, 3, 1, 1)):
        for mode in ("interp", "mirror", "nearest", "constant"):
            if mode == "interp" and window > len(x):
                continue
            words = {"deriv": deriv, "delta": delta, "mode": mode, "cval": 1.5}
            y = signal.savgol_filter(x, window, order, **words)
            lines.append(line("savgol", y, {"window_length": window, "polyorder": order, **words}, "%.12g"))

Path(__file__).with_name("savgol.txt").write_text("\n".join(lines) + "\n")
