#!/usr/bin/env bash
# Lints and tests the feature `arrow` (Parquet and Arrow files), which a plain build leaves out: its crates take a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo clippy -p thalweg-worker --all-targets --locked --features arrow -- -D warnings
cargo test -p thalweg-worker --locked --features arrow --lib -- columnar damage staged
cargo test -p thalweg-worker --locked --features arrow --test batch_invariance -- tables every_row the_table units
