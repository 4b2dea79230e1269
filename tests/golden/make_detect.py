"""Writes detect.txt: what SciPy and ObsPy give for resampling, smoothing and detection, for worker/tests/golden/detect.rs.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install numpy scipy obspy
    /tmp/venv/bin/python tests/golden/make_detect.py

A line of the file is `what parameters : numbers`; `x` is the input of everything after it.
"""

import platform
from pathlib import Path

import numpy as np
import obspy
import scipy
from obspy.signal.trigger import recursive_sta_lta
from scipy import signal, stats

from cases import line

RATE = 100.0
lines = [
    f"# Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}, ObsPy {obspy.__version__}",
    "# Made by make_detect.py; x has 100 items per second.",
]


def case(what, numbers, **params):
    lines.append(line(what, numbers, params))


random = np.random.default_rng(20260302)
place = np.arange(120)
x = np.round((random.standard_normal(120) + 6 * np.sin(0.11 * place) + 0.5) * 64) / 64  # exact in f32 too
case("x", x)

# Other rates.
for up, down in [(2, 1), (1, 3), (3, 2), (2, 3), (7, 5), (147, 160), (10, 4)]:
    case("resample", signal.resample_poly(x, up, down), up=up, down=down)
case("resample", signal.resample_poly(x, 3, 4, window=("kaiser", 9.0)), up=3, down=4, beta=9.0)
taps = signal.firwin(25, 0.3)
case("resample", signal.resample_poly(x, 3, 2, window=taps), up=3, down=2, taps=taps)

# Smoothers.
for alpha, words in [(0.3, {"alpha": 0.3}), (2 / 9.5, {"span": 8.5}), (1 - 0.5 ** (1 / 3), {"halflife": 3}), (1 / 5, {"com": 4})]:
    y, _ = signal.lfilter([alpha], [1, alpha - 1], x, zi=[(1 - alpha) * x[0]])
    case("ewma", y, **words)
q, r = 0.2, 1.5
state, p, y = x[0], r, [x[0]]
for z in x[1:]:
    p += q
    gain = p / (p + r)
    state += gain * (z - state)
    p *= 1 - gain
    y.append(state)
case("kalman", y, q=q, r=r)
dt = 1 / RATE
F, H = np.array([[1, dt], [0, 1]]), np.array([[1.0, 0]])
Q = 900.0 * np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
state, P, y = np.array([x[0], 0]), np.diag([r, r / dt**2]), [x[0]]
for z in x[1:]:
    state, P = F @ state, F @ P @ F.T + Q
    K = P @ H.T / (H @ P @ H.T + r)
    state, P = state + K[:, 0] * (z - state[0]), (np.eye(2) - K @ H) @ P
    y.append(state[0])
case("kalman", y, q=900.0, r=r, model="velocity")
for size in [1, 2, 7, 40, 200]:
    case("moving_average", signal.lfilter(np.ones(size) / size, 1, x), size=size)
for size in [1, 3, 9, 41]:
    padded = np.concatenate([np.zeros(size // 2), x])
    late = signal.medfilt(np.concatenate([x, np.zeros(size)]), size)
    delayed = [np.median(np.concatenate([np.zeros(size), x])[n + 1 : n + 1 + size]) for n in range(len(x))]
    assert np.array_equal(delayed[size // 2 :], late[: len(x) - size // 2])
    case("median", delayed, size=size)
for size in [2, 9, 50]:
    y = [stats.zscore(x[n + 1 - size : n + 1])[-1] if n + 1 >= size else 0.0 for n in range(len(x))]
    case("zscore", y, size=size)

# Detectors.
for sta, lta in [(2, 10), (5, 40), (1, 1)]:
    case("sta_lta.recursive", recursive_sta_lta(x, sta, lta), sta=sta, lta=lta)
for words in [{}, {"height": 5.0}, {"height": 1.0, "distance": 20}]:
    peaks, _ = signal.find_peaks(x, **words)
    case("peaks", [(p / RATE, x[p]) for p in peaks], **words)
rows = []
for n in range(1, len(x)):
    if (x[n - 1] < 0) != (x[n] < 0):
        rows.append(((n - 1 + x[n - 1] / (x[n - 1] - x[n])) / RATE, -1 if x[n] < 0 else 1))
case("zero_crossings", rows)
up, down, rows = 0.0, 0.0, []
for n, v in enumerate(x):
    up, down = max(0, up + v - 0.5 - 1.0), max(0, down + 0.5 - v - 1.0)
    if up > 15 or down > 15:
        rows.append((n / RATE, 1 if up > 15 else -1))
        up = down = 0.0
case("cusum", rows, target=0.5, drift=1.0, threshold=15)

(Path(__file__).parent / "detect.txt").write_text("\n".join(lines) + "\n")
