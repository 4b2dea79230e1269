"""Writes sources.txt: what SciPy gives for waves, sweeps and noise, for worker/tests/golden/sources.rs.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install numpy scipy
    /tmp/venv/bin/python tests/golden/make_sources.py

A line of the file is `what parameters : numbers`.
"""

import platform
from pathlib import Path
from statistics import NormalDist

import numpy as np
import scipy
from scipy import signal

from cases import line

RATE = 100.0
ITEMS = 60
lines = [
    f"# Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}",
    "# Made by make_sources.py.",
]


def case(what, numbers, **params):
    params |= {"items": ITEMS, "rate": RATE} if what != "impulses" else {"items": ITEMS}
    lines.append(line(what, numbers, params))


t = np.arange(ITEMS) / RATE
for freq, phase in [(7.3, 0.1), (-3.1, 2.0), (61.7, -1.0)]:
    angle = 2 * np.pi * freq * t + phase
    for part in [0.0, 0.2, 0.5, 1.0]:
        case("square", signal.square(angle, part), freq=freq, phase=phase, duty=part)
        case("saw", signal.sawtooth(angle, part), freq=freq, phase=phase, width=part)
    case("triangle", 0.5 + 3 * signal.sawtooth(angle, 0.5), freq=freq, phase=phase, amplitude=3.0, offset=0.5)
for f0, f1 in [(2.0, 30.0), (40.0, 3.0), (5.0, 5.0)]:
    for method in ["linear", "quadratic", "logarithmic", "hyperbolic"]:
        y = signal.chirp(t, f0, 0.7, f1, method=method, phi=30)
        case("chirp", y, f0=f0, f1=f1, t1=0.7, method=method, phi=30.0)
    y = signal.chirp(t, f0, 0.7, f1, method="quadratic", vertex_zero=False)
    case("chirp", y, f0=f0, f1=f1, t1=0.7, method="quadratic", vertex_zero=False)
case("impulses", signal.unit_impulse(ITEMS, 8)[:] * 2 + signal.unit_impulse(ITEMS, 58) * 2, period=50, first=8, amplitude=2.0)


# SplitMix64, then the normal quantile, then Kellet's filter as the sum of its parts.
def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
    return z ^ (z >> 31)


GAMMA = 0x9E3779B97F4A7C15
seed = 11
start = mix(seed ^ ((GAMMA << 32 | GAMMA >> 32) % 2**64))
draws = [mix((start + (n + 1) * GAMMA) % 2**64) for n in range(ITEMS)]
white = np.array([NormalDist().inv_cdf(((draw >> 11) + 0.5) / 2**53) for draw in draws])
case("noise", 3 * white, seed=seed, std=3.0)
case("noise", [((draw >> 11) + 0.5) / 2**52 - 1 for draw in draws], seed=seed, dist="uniform")
kellet = [
    ([0.0555179], [1, -0.99886]),
    ([0.0750759], [1, -0.99332]),
    ([0.1538520], [1, -0.96900]),
    ([0.3104856], [1, -0.86650]),
    ([0.5329522], [1, -0.55000]),
    ([-0.0168980], [1, 0.7616]),
    ([0.5362, 0.115926], [1]),
]
response = sum(signal.lfilter(b, a, signal.unit_impulse(60000)) for b, a in kellet)
pink = sum(signal.lfilter(b, a, white) for b, a in kellet) / np.sqrt(np.sum(response**2))
case("noise", pink, seed=seed, color="pink")

(Path(__file__).parent / "sources.txt").write_text("\n".join(lines) + "\n")
