"""Makes speech.wav: four words by a voice that never was, with pauses, 16 bits, 8000 Hz.

Glottal pulses of a falling pitch go through three resonators at the formants of a vowel (Peterson and Barney, 1952).
"""

import math
import random
import struct
import wave

RATE = 8000
VOWELS = {"a": (730, 1090, 2440), "i": (270, 2290, 3010), "o": (570, 840, 2410), "u": (300, 870, 2240)}
random.seed(9)


def word(vowels, seconds):
    phase, states, out = 0.0, [[0.0, 0.0] for _ in range(3)], []
    n = int(seconds * RATE)
    for k in range(n):
        share = k / n
        phase += (130 - 30 * share) / RATE
        x = 0.02 * random.gauss(0, 1)
        if phase >= 1:
            phase -= 1
            x += 1
        at = min(share * len(vowels), len(vowels) - 1e-9)
        here, there = vowels[int(at)], vowels[min(int(at) + 1, len(vowels) - 1)]
        for nth, state in enumerate(states):
            lean = max(0.0, (at - int(at) - 0.6) / 0.4)
            formant = VOWELS[here][nth] * (1 - lean) + VOWELS[there][nth] * lean
            r, w = math.exp(-math.pi * (60 + 30 * nth) / RATE), 2 * math.pi * formant / RATE
            x = (1 - r) * x + 2 * r * math.cos(w) * state[0] - r * r * state[1]
            state[1], state[0] = state[0], x
        out.append(x * math.sin(math.pi * share) ** 0.5)
    top = max(map(abs, out))
    return [0.5 * x / top for x in out]


def pause(seconds):
    return [0.0] * int(seconds * RATE)


sound = pause(0.4) + word("ao", 0.5) + pause(0.7) + word("iu", 0.4) + pause(0.25) + word("oa", 0.45) + pause(1.0) + word("uia", 0.6) + pause(0.5)
with wave.open("speech.wav", "wb") as out:
    out.setparams((1, 2, RATE, 0, "NONE", ""))
    for x in sound:
        out.writeframes(struct.pack("<h", round(32767 * (x + 0.002 * random.gauss(0, 1)))))
