"""Writes cosines.txt: what SciPy and librosa give for cosine transforms and mel bands, for worker/tests/golden/cosines.rs.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install numpy scipy librosa
    /tmp/venv/bin/python tests/golden/make_cosines.py

A line is `what parameters : numbers`; `type` is that of the input, whose numbers are those of `x`; `of` is the parameter `type`.
"""

import platform
from pathlib import Path

import librosa
import numpy as np
import scipy
from scipy import fft

from cases import line

lines = [
    f"# Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}, librosa {librosa.__version__}",
    "# Made by make_cosines.py.",
]


def case(what, numbers, **params):
    lines.append(line(what, numbers, params, "%.12g"))


random = np.random.default_rng(20261125)
x = np.round(random.standard_normal(120) ** 2 * 64) / 64  # powers, exact in f32 too
lines.append(line("x", x, {}))
lines.append(line("y", x, {}))
for size in (1, 2, 3, 8, 15, 40):
    rows = x[: 120 // size * size].reshape(-1, size)
    for kind in (2, 3):
        for norm in ("backward", "ortho", "forward"):
            case("dct", fft.dct(rows, kind, norm=norm), **{"size": size, "of": kind, "norm": norm, "type": "f64"})
    case("dct", fft.idct(rows), **{"of": 3, "norm": "forward", "type": f"f64[{size}]"})
for bins, rate, bands in ((60, 16000, 10), (40, 22050, 5), (120, 8000, 40), (120, 44100, 128)):
    rows = x.reshape(-1, bins)
    for words in ({}, {"htk": True}, {"norm": "none"}, {"fmin": 300.0, "fmax": rate / 2.5}):
        given = {**words, "norm": None} if "norm" in words else words
        weights = librosa.filters.mel(sr=rate, n_fft=2 * (bins - 1), n_mels=bands, dtype=np.float64, **given)
        case("mel", rows @ weights.T, rate=rate, bands=bands, **words, type=f"f64[{bins}]")

Path(__file__).with_name("cosines.txt").write_text("\n".join(lines) + "\n")
