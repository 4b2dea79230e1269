"""Writes peaks.txt: what SciPy's find_peaks gives under each of its conditions, for worker/tests/golden/peaks.rs.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install numpy scipy
    /tmp/venv/bin/python tests/golden/make_peaks.py

A line of the file is `what parameters : numbers`; `x` is the input of everything after it.
"""

import platform
from pathlib import Path

import numpy as np
import scipy
from scipy import signal

from cases import line

RATE = 100.0
INF = np.inf
lines = [
    f"# Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}",
    "# Made by make_peaks.py; x has 100 items per second.",
]


def case(**words):
    has_properties = words.get("properties", False)
    given = {name: value for name, value in words.items() if name != "properties"}
    if has_properties:
        given.setdefault("prominence", 0)
        given.setdefault("width", 0)
    peaks, of = signal.find_peaks(x, **given)
    rows = [(p / RATE, x[p]) for p in peaks]
    if has_properties:
        rows = [(*row, prominence, width / RATE) for row, prominence, width in zip(rows, of["prominences"], of["widths"])]
    lines.append(line("peaks", rows, words, "%.12g"))


random = np.random.default_rng(20261122)
place = np.arange(200)
smooth = np.round((random.standard_normal(200) + 5 * np.sin(0.13 * place) * np.sin(0.031 * place)) * 64) / 64  # exact in f32 too
flat = np.repeat(np.round(3 * random.standard_normal(60)), random.integers(1, 9, 60)).astype(float)
for x in [smooth, flat]:
    lines.append(line("x", x, {}))
    case(height=1.5)
    case(height=[-1.0, 2.0])
    case(height=[-INF, 2.0])
    case(threshold=0.5)
    case(threshold=[0.0, 1.0])
    case(threshold=[0.25, 3.0], height=0)
    case(plateau_size=2)
    case(plateau_size=[1, 3])
    for wlen in [2, 3, 12, 41, 150, 1000]:
        case(prominence=1.0, wlen=wlen)
        case(properties=True, wlen=wlen)
    case(prominence=[1.0, 4.0], wlen=60)
    case(width=2, wlen=60)
    case(width=[1.5, 6.0], wlen=60)
    case(width=3, wlen=60, rel_height=0.9)
    case(width=0, wlen=60, rel_height=1.5, properties=True)
    case(properties=True, wlen=31, rel_height=0.25)
    case(properties=True, wlen=31, rel_height=1.0, prominence=2.0)
# Distances, where no two peaks are of equal height: which of equal ones SciPy keeps is left to its sorting.
x = smooth + np.arange(200) / 4096
lines.append(line("x", x, {}))
for distance in [2, 5, 17, 90]:
    case(distance=distance, prominence=1.0, wlen=51)
    case(distance=distance, height=[-2.0, 4.0], threshold=0.25, width=1.0, wlen=21, properties=True)

(Path(__file__).parent / "peaks.txt").write_text("\n".join(lines) + "\n")
