#!/usr/bin/env bash
# Passes every test, on a fresh machine that has Rust: installs what is missing, then formatting, lints, documentation,
# unit and end-to-end tests, the models of the lock-free core, and the examples.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

# What the tests need beside Rust: unshare (a small /dev/shm in a namespace), pgrep, a linker, spin for the models.
need=()
command -v unshare >/dev/null || need+=(util-linux)
command -v pgrep >/dev/null || need+=(procps)
command -v cc >/dev/null || need+=(gcc libc6-dev)
command -v spin >/dev/null || need+=(spin)
if [ ${#need[@]} -gt 0 ]; then
  say "installing ${need[*]}"
  sudo=""
  [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -q && $sudo apt-get install -yq "${need[@]}"
fi
for part in rustfmt clippy; do
  cargo "${part/rustfmt/fmt}" --version >/dev/null 2>&1 || rustup component add "$part"
done

say "format"
cargo fmt --all --check
say "lints"
cargo clippy --workspace --all-targets --features thalweg-worker/seeded-defects --locked -- -D warnings
say "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
say "tests"
cargo test --workspace --locked
say "tables of columns: the feature arrow"
bash tests/tables.sh
say "killed at every instruction, and seeded defects that must be found"
cargo test -p thalweg-worker --release --locked --features seeded-defects --test every_instruction
say "fuzzing"
if cargo +nightly fuzz --version >/dev/null 2>&1; then
  bash tests/fuzz/run.sh 5
else
  echo "no nightly compiler with cargo-fuzz: its targets were driven by tests/any_bytes.rs alone"
fi
say "models of the protocols: commit, rest, stall"
bash tests/models.sh
say "models of the lock-free core"
RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p thalweg-ringbuf --release --locked --lib models
say "all passed"
