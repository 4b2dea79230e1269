"""Writes designs.txt: what SciPy gives for recursive filters drawn at random from all families, kinds and orders, for
worker/tests/golden/designs.rs. Those whose sections amplify their own rounding are to be refused.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install numpy scipy
    /tmp/venv/bin/python tests/golden/make_designs.py

A line of the file is `what parameters : numbers`; `x` is the input of everything after it, and the numbers are the last of what comes
out. `refused.OPERATOR` has none.
"""

import platform
import warnings
from pathlib import Path

import numpy as np
import scipy
from scipy import signal

from cases import line

warnings.simplefilter("ignore")
RATE = 2000.0
random = np.random.default_rng(20261123)
x = np.round(random.standard_normal(400) * 256) / 256
lines = [
    f"# Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}",
    "# Made by make_designs.py; x has 2000 items per second.",
    line("x", x, {}, "%.12g"),
]


def frequency():
    """Anywhere, near 0 or near half the rate."""
    near = 0.999 * 10 ** random.uniform(0, 3)
    return float(random.choice([random.uniform(1, 999), near, 1000 - near]))


def shaken(sos):
    """What comes out, and how far rounding moves it."""
    moved = sos * (1 + 1e-15 * random.choice([-1, 1], sos.shape))
    moved[:, 3] = 1
    with np.errstate(all="ignore"):
        y, other = signal.sosfilt(sos, x), signal.sosfilt(moved, x)
        return y, np.max(np.abs(y - other)) / np.max(np.abs(y))


made, refused = 0, 0
while made < 60 or refused < 10:
    design = str(random.choice(["butter", "cheby1", "cheby2", "ellip", "bessel"]))
    kind = str(random.choice(["lowpass", "highpass", "bandpass", "bandstop"]))
    order = int(random.integers(1, 25))
    edges = sorted(round(frequency(), 3) for _ in range(2 if "band" in kind else 1))
    if not 0 < edges[0] < edges[-1] + (len(edges) == 1) < 1000 + (len(edges) == 1):
        continue
    words = dict(low=edges[0], high=edges[1]) if "band" in kind else dict(cutoff=edges[0])
    words |= dict(order=order, design=design)
    ripple, attenuation = round(10 ** random.uniform(-2, 0.8), 4), round(random.uniform(20, 110), 2)
    if design in ("cheby1", "ellip"):
        words["ripple"] = ripple
    if design in ("cheby2", "ellip"):
        words["attenuation"] = attenuation
    if design == "ellip" and order > 8:
        continue  # Beyond, SciPy's poles lose digits.
    at = edges if "band" in kind else edges[0]
    sos = signal.iirfilter(order, at, ripple, attenuation, kind, ftype=design, fs=RATE, output="sos")
    y, moves = shaken(sos)
    if moves < 1e-12 and made < 60:
        lines.append(line(f"iir.{kind}", y[-8:], words))
        made += 1
    elif not moves < 1e-3 and refused < 10:
        lines.append(line(f"refused.iir.{kind}", [], words))
        refused += 1

Path(__file__).with_name("designs.txt").write_text("\n".join(lines) + "\n")
