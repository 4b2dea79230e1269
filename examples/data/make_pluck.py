"""Makes pluck.wav: four plucked strings under mains hum and hiss, for examples/audio.toml to clean.

    python make_pluck.py          (Python 3.11, NumPy 2.4.6)

Generated, not recorded. The strings are Karplus and Strong's (Computer Music Journal 7(2), 1983): a delay line filled
with noise, averaged as it turns. 2 s, one channel, 16 bits, 44100 Hz.
"""

import wave

import numpy as np

RATE = 44100
LEN = 2 * RATE


def string(frequency, start, random):
    period = int(RATE / frequency)
    line = random.uniform(-1, 1, period)
    sound = np.zeros(LEN)
    for n in range(int(start * RATE), LEN):
        at = n % period
        sound[n] = line[at]
        line[at] = 0.498 * (line[at] + line[(at + 1) % period])
    return sound


def main():
    random = np.random.default_rng(1983)
    t = np.arange(LEN) / RATE
    notes = [(196.0, 0.0), (246.94, 0.15), (293.66, 0.3), (392.0, 0.45)]
    strings = sum(string(frequency, start, random) for frequency, start in notes)
    sound = 0.2 * strings + 0.1 * np.sin(2 * np.pi * 50 * t) + 0.02 * random.standard_normal(LEN)
    with wave.open("pluck.wav", "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())


if __name__ == "__main__":
    main()
