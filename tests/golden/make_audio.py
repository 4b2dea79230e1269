"""Writes audio.txt: what SciPy gives, for worker/tests/golden/audio.rs.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install numpy scipy
    /tmp/venv/bin/python tests/golden/make_audio.py

A line is `what parameters : numbers`; `type` is that of the input, `fs` its rate; the input's numbers are those of `x`.
"""

import platform
from pathlib import Path

import numpy as np
import scipy
from scipy.signal import lfilter

from cases import line

lines = [
    f"# Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}",
    "# Made by make_audio.py.",
]


def case(what, numbers, **params):
    lines.append(line(what, numbers, params, "%.12g"))


random = np.random.default_rng(20240229)
x = np.round(np.clip(random.standard_normal(480) / 4, -1, 1) * 4096) / 4096  # exact in f32 too
case("x", x)
stereo = x.reshape(-1, 2)


def polynomial(*terms):
    """The coefficients of a polynomial in z^-1 from pairs of power and coefficient."""
    b = np.zeros(max(power for power, _ in terms) + 1)
    for power, coefficient in terms:
        b[power] += coefficient
    return b


# Echoes: dry + wet z^-D / (1 - feedback z^-D).
for delay, feedback, wet, dry in ((1, 0.5, 0.5, 1), (37, -0.8, 1, 0), (100, 0, 0.25, 2)):
    b = polynomial((0, dry), (delay, wet - dry * feedback))
    a = polynomial((0, 1), (delay, -feedback))
    params = {"delay": delay, "feedback": feedback, "wet": wet, "dry": dry}
    case("echo", lfilter(b, a, x), type="f64", **params)
    case("echo", lfilter(b, a, stereo, axis=0), type="f64[2]", **params)


# Freeverb: the combs' feedback goes through a one-pole low-pass.
def ear(sound, rate, spread, feedback, damp):
    def scaled(n):
        return max(1, int(np.floor((n + spread) * rate / 44100 + 0.5)))

    heard = 0
    for n in map(scaled, (1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617)):
        b = polynomial((n, 1), (n + 1, -damp))
        a = polynomial((0, 1), (1, -damp), (n, -feedback * (1 - damp)))
        heard = heard + lfilter(b, a, sound)
    for n in map(scaled, (556, 441, 341, 225)):
        # The buffer takes in x + 0.5 * out, what comes out is out - x.
        heard = lfilter(polynomial((0, -1), (n, 1.5)), polynomial((0, 1), (n, -0.5)), heard)
    return heard


for rate, room, damp, width, wet, dry in ((2000, 0.5, 0.5, 1, 1, 1), (900, 1, 0, 0.25, 3, 0), (4000, 0, 1, 0, 1, 0.5)):
    params = {"room": room, "damp": damp, "width": width, "wet": wet, "dry": dry, "fs": rate}
    feedback = 0.7 + 0.28 * room
    mono = ear(2 * 0.015 * x, rate, 0, feedback, 0.4 * damp)
    case("reverb", dry * x + wet * mono, type="f64", **params)
    both = 0.015 * stereo.sum(axis=1)
    left, right = (ear(both, rate, spread, feedback, 0.4 * damp) for spread in (0, 23))
    own, other = wet * (width / 2 + 0.5), wet * (1 - width) / 2
    heard = np.stack([own * left + other * right, own * right + other * left], axis=1)
    case("reverb", dry * stereo + heard, type="f64[2]", **params)

# Levels.
for size, step in ((10, 10), (50, 3), (7, 20)):
    for kind, sound in (("f64", x[:, None]), ("f64[3]", x.reshape(-1, 3))):
        windows = [sound[n : n + size] for n in range(0, len(sound) - size + 1, step)]
        params = {"size": size, "step": step, "type": kind}
        case("level", [20 * np.log10(np.sqrt((w**2).mean(axis=0))) for w in windows], fn="rms", **params)
        case("level", [20 * np.log10(np.abs(w).max(axis=0)) for w in windows], fn="peak", **params)


# Loudness: the K-weighting of ITU-R BS.1770 as libebur128 designs it for any rate.
def weighted(sound, rate):
    k, q = np.tan(np.pi * 1681.974450955533 / rate), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    b = [high + band * k / q + k**2, 2 * (k**2 - high), high - band * k / q + k**2]
    a = [1 + k / q + k**2, 2 * (k**2 - 1), 1 - k / q + k**2]
    sound = lfilter(b, a, sound, axis=0)
    k, q = np.tan(np.pi * 38.13547087602444 / rate), 0.5003270373238773
    a = np.array([1 + k / q + k**2, 2 * (k**2 - 1), 1 - k / q + k**2])
    return lfilter([1, -2, 1], a / a[0], sound, axis=0)


counts = {1: [1], 2: [1, 1], 5: [1, 1, 1, 1.41, 1.41], 6: [1, 1, 1, 0, 1.41, 1.41]}
for channels, weights in counts.items():
    for rate in (8000, 48000):
        sound = weighted(x.reshape(-1, channels), rate)
        windows = [sound[n : n + 40] for n in range(0, len(sound) - 39, 10)]
        loudness = [-0.691 + 10 * np.log10((w**2).mean(axis=0) @ weights) for w in windows]
        kind = "f64" if channels == 1 else f"f64[{channels}]"
        case("loudness", loudness, size=40, step=10, type=kind, fs=rate)


# The phase vocoder.
def shifted(sound, semitones, size, hop):
    ratio, bins = 2 ** (semitones / 12), size // 2 + 1
    window = np.hanning(size + 1)[:size]
    gain = np.zeros(hop)
    for n in range(size):
        gain[n % hop] += window[n] ** 2
    padded = np.concatenate([np.zeros(size - hop), sound, np.zeros(-len(sound) % hop)])
    out = np.zeros(len(padded))
    came, went, k = np.zeros(bins), np.zeros(bins), np.arange(bins)
    expected = 2 * np.pi * hop / size
    turns = k * hop / size
    gained = 2 * np.pi * (turns - np.floor(turns + 0.5))
    for start in range(0, len(padded) - size + 1, hop):
        spectrum = np.fft.rfft(padded[start : start + size] * window)
        spectrum.imag[0] = 0  # and no -0, whose phase would be another
        if size % 2 == 0:
            spectrum.imag[-1] = 0
        magnitude, phase = np.abs(spectrum), np.angle(spectrum)
        beyond = phase - came - gained
        came = phase
        around = np.copysign(np.floor(np.abs(beyond) / (2 * np.pi) + 0.5), beyond)
        beyond = np.where(np.abs(beyond) <= np.pi, beyond, beyond - 2 * np.pi * around)
        frequency = (k + beyond / expected) * ratio
        magnitudes, loudest, frequencies = np.zeros(bins), np.zeros(bins), np.zeros(bins)
        for bin in range(bins):
            to = int(np.floor(bin * ratio + 0.5))
            if to < bins:
                magnitudes[to] += magnitude[bin]
                if magnitude[bin] > loudest[to]:
                    loudest[to], frequencies[to] = magnitude[bin], frequency[bin]
        went = went + expected * frequencies
        out[start : start + size] += np.fft.irfft(magnitudes * np.exp(1j * went), size) * window
    # What is heard first is what the first frame is over with.
    return (out / np.resize(gain, len(out)))[: len(sound)]


for semitones, size, hop in ((4, 64, 16), (-7, 64, 10), (12, 45, 9), (0, 32, 4)):
    params = {"semitones": semitones, "size": size, "hop": hop}
    case("pitch_shift", shifted(x[:233], semitones, size, hop), type="f64", items=233, **params)

Path(__file__).with_name("audio.txt").write_text("\n".join(lines) + "\n")
