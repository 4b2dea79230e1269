#!/usr/bin/env bash
# Fuzzes each target for so many seconds (10): nightly, cargo-fuzz, libFuzzer, the address sanitizer.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds="${1:-10}"
for target in ring frames resume snapshot graph line expression csv npy wav flac ogg jsonl npz recording; do
  mkdir -p "tests/fuzz/corpus/$target"
  echo "fuzzing $target for $seconds s"
  THALWEG_FUZZ_TARGET=$target cargo +nightly fuzz run --fuzz-dir tests/fuzz any "tests/fuzz/corpus/$target" -- \
    -max_total_time="$seconds" -max_len=8192 -verbosity=0
done
