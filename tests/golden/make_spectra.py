"""Writes spectra.txt: what SciPy gives, for worker/tests/golden/spectra.rs.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install numpy scipy
    /tmp/venv/bin/python tests/golden/make_spectra.py

A line is `what parameters : numbers`; `type` is that of the input, whose numbers are those of `x`, or of `z` where
it is complex (real, imaginary, real ..).
"""

import platform
from pathlib import Path

import numpy as np
import scipy
from scipy import fft, signal

from cases import line

RATE = 100.0
lines = [
    f"# Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}",
    "# Made by make_spectra.py; x and z have 100 items per second.",
]


def case(what, numbers, **params):
    lines.append(line(what, numbers, params, "%.12g"))


def blocks(numbers, size):
    return numbers[: len(numbers) // size * size].reshape(-1, size)


random = np.random.default_rng(20240229)
place = np.arange(110)
x = random.standard_normal(110) + 4 * np.sin(0.5 * place) + 2
x = np.round(x * 64) / 64  # exact in f32 too
z = random.standard_normal(110) + 1j * random.standard_normal(110) + 3 * np.exp(-0.7j * place) + 1 - 2j
z = np.round(z * 64) / 64
case("x", x)
case("z", z)

# Blocks.
for size in (1, 2, 15, 16, 37):
    case("rfft", fft.rfft(blocks(x, size)), size=size)
    case("fft", fft.fft(blocks(z, size)), size=size, type="cf64")
    case("ifft", fft.ifft(blocks(z, size)), size=size, type="cf64")
for size in (1, 2, 3, 8, 9, 24):
    bins = size // 2 + 1
    case("irfft", fft.irfft(blocks(z, bins), size), size=size, type=f"cf64[{bins}]")

# Frames.
names = ("hann", "hamming", "blackman", "blackmanharris", "nuttall", "flattop", "bartlett", "boxcar", "kaiser")
for name in names:
    window = ("kaiser", 8.6) if name == "kaiser" else name
    params = {"window": name, "beta": 8.6} if name == "kaiser" else {"window": name}
    _, _, bins = signal.stft(x, RATE, window, 16, 4, boundary=None, padded=False)
    case("stft", bins.T, size=16, hop=12, **params)
for scaling in ("spectrum", "psd", "none"):
    for size, hop, nfft in ((17, 7, 17), (16, 8, 20), (1, 40, 4), (110, 1, 110)):
        common = {"nperseg": size, "noverlap": size - hop, "nfft": nfft, "boundary": None, "padded": False}
        for kind, numbers in (("f64", x), ("cf64", z)):
            starts = range(0, len(numbers) - size + 1, hop)
            taper = signal.get_window("hamming", size)
            frames = np.array([numbers[n : n + size] * taper for n in starts])
            if scaling == "none":
                bins = fft.fft(frames, nfft) if kind == "cf64" else fft.rfft(frames, nfft)
            elif hop <= size:
                one_sided = kind == "f64"
                _, _, bins = signal.stft(numbers, RATE, "hamming", scaling=scaling, return_onesided=one_sided, **common)
                bins = bins.T
            else:
                continue
            case("stft", bins, size=size, hop=hop, nfft=nfft, window="hamming", scaling=scaling, type=kind)
for scaling in ("density", "spectrum"):
    for detrend in ("constant", False):
        for size, hop, nfft in ((16, 8, 16), (15, 15, 32)):
            for kind, numbers in (("f64", x), ("cf64", z)):
                common = {"nperseg": size, "noverlap": size - hop, "nfft": nfft, "detrend": detrend, "scaling": scaling}
                common |= {"return_onesided": kind == "f64"}
                params = {"size": size, "hop": hop, "nfft": nfft, "detrend": str(detrend).lower(), "scaling": scaling}
                params |= {"type": kind}
                _, _, powers = signal.spectrogram(numbers, RATE, "hann", **common)
                case("spectrogram", powers.T, **params)
                if (scaling, detrend) == ("spectrum", False):
                    case("spectrogram", 10 * np.log10(powers.T), scale="dB", **params)
                if (scaling, kind) == ("spectrum", "f64"):
                    continue
                for segments, every in ((3, 3), (3, 1), (2, 4), (4, 3)):
                    span = (segments - 1) * hop + size
                    starts = range(0, len(numbers) - span + 1, every * hop)
                    means = [signal.welch(numbers[n : n + span], RATE, "hann", **common)[1] for n in starts]
                    case("welch", means, segments=segments, every=every, **params)
for size, hop, nfft in ((16, 8, 16), (21, 30, 21), (30, 10, 64)):
    taper = signal.get_window("hann", size)
    frames = np.array([x[n : n + size] * taper for n in range(0, len(x) - size + 1, hop)])
    log = np.log(np.abs(fft.rfft(frames, nfft)))
    case("cepstrum", fft.irfft(log, nfft), size=size, hop=hop, nfft=nfft)

# A few frequencies of each frame, and octave bands.
for kind, numbers in (("f64", x), ("cf64", z)):
    for size, hop in ((16, 16), (30, 7), (103, 1)):
        freqs = [0, 0.25, 12.5, -33.3, 50]
        turns = np.exp(-2j * np.pi * np.outer(np.arange(size), freqs) / RATE)
        frames = [numbers[n : n + size] @ turns for n in range(0, len(numbers) - size + 1, hop)]
        words = "[" + ",".join(str(float(f)) for f in freqs) + "]"
        case("goertzel", frames, freq=words, size=size, hop=hop, type=kind)
for rate, fraction, low, high, order in ((100, 1, 0.5, 30, 3), (8000, 3, 25, 2500, 2), (48000, 6, 1100, 4000, 4), (1000, 2, 20, 300, 1)):
    step, half = 0.3 / fraction, 0.5 if fraction % 2 == 0 else 0
    first, last = (round(np.log10(f / 1000) / step - half) for f in (low, high))
    levels = []
    for number in range(first, last + 1):
        edges = [1000 * 10 ** ((number + half + side) * step) for side in (-0.5, 0.5)]
        y = signal.sosfilt(signal.butter(order, edges, "bandpass", output="sos", fs=rate), x)
        levels.append(np.sqrt((y[:100].reshape(-1, 25) ** 2).mean(axis=1)))
    params = {"size": 25, "rate": rate, "fraction": fraction, "low": low, "high": high, "order": order}
    case("octaves", np.array(levels).T, **params)
    case("octaves", 20 * np.log10(np.array(levels).T), scale="dB", **params)

Path(__file__).with_name("spectra.txt").write_text("\n".join(lines) + "\n")
