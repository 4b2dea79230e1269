"""Makes the compressed sound files that the connectors' tests read, by libsndfile's hands.

Run it in this folder: python make_sound.py. Made with Python 3.11, NumPy 2.4.6 and soundfile 0.14.0 (libsndfile 1.2.2).

* i16.flac: one channel of 12000 frames of noise at 8000 Hz; i24.flac: two channels of 48 frames at 44100 Hz
* tone.ogg: Vorbis, two channels of 6000 frames at 16000 Hz; blip.ogg: the first 600 frames of one of them;
  surround.ogg: six channels, more than are read; opus.ogg: a codec that is not read
* flac_NAME.npy, ogg_tone.npy: soundfile's reading of them, i16 as int16, the others as float32
"""

import sys

import numpy as np
import soundfile

FILES = "files/"


def flac():
    noise = np.random.default_rng(1).integers(-2000, 2000, 12000).astype(np.int16)
    soundfile.write(FILES + "i16.flac", noise, 8000, "PCM_16")
    n = np.arange(96, dtype=np.int64)
    wide = ((n * 45_678_901 + 5) % 2**32 - 2**31).astype(np.int32).reshape(48, 2)
    wide[0] = [-(2**31), 2**31 - 1]
    soundfile.write(FILES + "i24.flac", wide, 44100, "PCM_24")
    for name, dtype in [("i16", "int16"), ("i24", "float32")]:
        values, _ = soundfile.read(f"{FILES}{name}.flac", dtype=dtype)
        np.save(f"{FILES}flac_{name}.npy", values)


def ogg():
    t = np.arange(6000) / 16000
    decay = np.exp(-((5 * t) % 1) * 4)
    tone = np.stack([0.6 * np.sin(2 * np.pi * 440 * t) * decay, 0.3 * np.sin(2 * np.pi * 660 * t)], axis=1)
    soundfile.write(FILES + "tone.ogg", tone, 16000, format="OGG", subtype="VORBIS")
    values, _ = soundfile.read(FILES + "tone.ogg", dtype="float32")
    np.save(FILES + "ogg_tone.npy", values)
    soundfile.write(FILES + "blip.ogg", tone[:600, 0], 16000, format="OGG", subtype="VORBIS")
    soundfile.write(FILES + "opus.ogg", tone[:960, 0], 16000, format="OGG", subtype="OPUS")
    t = np.arange(2000) / 8000
    tones = np.stack([0.4 * np.sin(2 * np.pi * (500 + 500 * k) * t) for k in range(6)], axis=1)
    soundfile.write(FILES + "surround.ogg", tones, 8000, format="OGG", subtype="VORBIS")


if __name__ == "__main__":
    flac()
    ogg()
    print(f"Python {sys.version.split()[0]}, NumPy {np.__version__}, soundfile {soundfile.__version__} ({soundfile.__libsndfile_version__})")
