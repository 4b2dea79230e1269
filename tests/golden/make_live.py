"""Writes live.txt: what SciPy gives for filters whose parameters change on the way, for worker/tests/golden/live.rs.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install numpy scipy
    /tmp/venv/bin/python tests/golden/make_live.py

A line of the file is `what parameters at=[..] to=[..] : numbers`; from the items `at` on the operator's live parameters are the next ones
of `to`. A recursive filter goes on from its state (`zi`, `zf`), a finite one is the new taps over all items there ever were.
"""

import platform
from pathlib import Path

import numpy as np
import scipy
from scipy import signal

from cases import line

RATE = 100.0
AT = [40, 97]
lines = [
    f"# Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}",
    "# Made by make_live.py; x has 100 items per second.",
]
random = np.random.default_rng(20261122)
place = np.arange(130)
x = np.round((3 * random.standard_normal(130) + 10 * np.sin(0.3 * place) + 5) * 64) / 64
lines.append(line("x", x, {}))
stretches = [slice(0, AT[0]), slice(AT[0], AT[1]), slice(AT[1], None)]


def case(what, names, values, apply, **params):
    """`values`: what the live parameters `names` are in each stretch; `apply` gives all items, by those of each stretch."""
    first = dict(zip(names, values[0]))
    turned = dict(at=AT, to=np.ravel(values[1:]))
    lines.append(line(what, apply(values), {**first, **params, **turned}))


def recursive(design):
    def apply(values):
        parts, zi = [], None
        for stretch, now in zip(stretches, values):
            sos = design(*now)
            zi = np.zeros((len(sos), 2)) if zi is None else zi
            part, zi = signal.sosfilt(sos, x[stretch], zi=zi)
            parts.append(part)
        return np.concatenate(parts)

    return apply


def finite(design, decimate=1):
    def apply(values):
        y = [signal.lfilter(design(*now), 1, x) for now in values]
        parts = [y[i][stretch] for i, stretch in enumerate(stretches)]
        return np.concatenate(parts)[::decimate]

    return apply


def sections(b, a):
    return np.array([[*b, *[0] * (3 - len(b)), *a, *[0] * (3 - len(a))]], dtype=float)


edges, bands = [(10,), (3.5,), (31,)], [(5, 20), (1, 9), (12, 12.5)]
for kind in ["lowpass", "highpass"]:
    case(
        f"iir.{kind}", ["cutoff"], edges,
        recursive(lambda f: signal.butter(5, f, kind, output="sos", fs=RATE)), order=5,
    )
    case(
        f"fir.{kind}", ["cutoff"], edges,
        finite(lambda f: signal.firwin(31, f, pass_zero=kind, fs=RATE)), numtaps=31,
    )
    case(
        f"fir.{kind}", ["cutoff"], edges,
        finite(lambda f: signal.firwin(31, f, pass_zero=kind, window=("kaiser", 8), fs=RATE), 3),
        numtaps=31, window="kaiser", beta=8, decimate=3,
    )
for kind in ["bandpass", "bandstop"]:
    case(
        f"iir.{kind}", ["low", "high"], bands,
        recursive(lambda *f: signal.cheby1(3, 1, f, kind, output="sos", fs=RATE)), order=3, design="cheby1", ripple=1,
    )
    case(
        f"fir.{kind}", ["low", "high"], bands,
        finite(lambda *f: signal.firwin(41, f, pass_zero=kind, fs=RATE)), numtaps=41,
    )
for kind, design in [("notch", signal.iirnotch), ("peak", signal.iirpeak)]:
    case(
        f"iir.{kind}", ["w0", "q"], [(10, 30), (25, 2), (49, 5)],
        recursive(lambda w0, q: sections(*design(w0, q, fs=RATE))),
    )
case(
    "dc_block", ["pole"], [(0.995,), (0.5,), (0.0,)],
    recursive(lambda pole: sections([1, -1], [1, -pole])),
)
Path(__file__).with_name("live.txt").write_text("\n".join(lines) + "\n")
