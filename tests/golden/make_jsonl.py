"""Makes the JSON Lines that the tests of `jsonl.read` read, by Python's json module.

Run it in this folder: python make_jsonl.py. Made with Python 3.11.
"""

import json

ROWS = [
    {"t": 0.1, "n": 1, "name": "a", "ok": True, "pos": {"x": [1, 1.5]}},
    {"t": 1 / 3, "n": -(2**60), "name": 'ü\n"b"', "ok": False, "pos": {"x": [2, -2]}},
    {"t": 6.02214076e23, "n": 7, "name": "", "ok": True, "pos": {"x": [3, 0.0]}},
]

if __name__ == "__main__":
    with open("files/mixed.jsonl", "w") as file:
        file.writelines(json.dumps(row) + "\n" for row in ROWS)
