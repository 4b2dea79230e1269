#!/bin/bash
# Thalweg beside its rivals, one command: installs and builds what it needs, then runs `compare` (see main.rs) with the
# arguments given. Debian or a relative, root for GNU Radio's package; whatever is missing leaves its rows out of
# the table and says so.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$here/../../target}
out=$CARGO_TARGET_DIR/release
kit=$CARGO_TARGET_DIR/compare-kit
mkdir -p "$kit"

say() { echo "run.sh: $*" >&2; }

# GNU Radio of the distribution, for the distribution's own Python.
if ! /usr/bin/python3 -c 'import gnuradio' 2>/dev/null; then
    { apt-get update && apt-get install -y --no-install-recommends gnuradio; } >"$kit/apt.log" 2>&1 ||
        say "no GNU Radio: see $kit/apt.log"
fi
# VOLK's quickest kernels on this processor, for those that the flows use.
export VOLK_CONFIGPATH=$kit
if command -v volk_profile >/dev/null && [ ! -e "$kit/volk_config" ]; then
    volk_profile -R '32f_x2_dot_prod_32f' -p "$kit" >"$kit/volk.log" 2>&1 || say "volk_profile failed: see $kit/volk.log"
fi

# SciPy and IoTPy, in an environment of their own. IoTPy asks for a NumPy of its year and works with today's.
export COMPARE_PYTHON=$kit/python/bin/python
if [ ! -x "$COMPARE_PYTHON" ]; then
    { python3 -m venv "$kit/python" && "$COMPARE_PYTHON" -m pip install numpy==2.4.6 scipy==1.17.1 &&
        "$COMPARE_PYTHON" -m pip install --no-deps IoTPy==1.1.0; } >"$kit/pip.log" 2>&1 || say "no SciPy or IoTPy: see $kit/pip.log"
fi

# Thalweg as anybody builds it: no flags. The libraries among the rivals are built with the harness, likewise.
cargo build --release --locked --manifest-path "$here/../../Cargo.toml" >&2
cargo build --release --manifest-path "$here/Cargo.toml" >&2
# FutureSDR with what makes it quickest: the processor's own instructions. Its newest uses a feature that this Rust has
# under a gate; the two settings open it.
if ! RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Ctarget-cpu=native -Zcrate-attr=feature(float_algebraic)" \
    CARGO_TARGET_DIR=$kit/futuresdr \
    cargo build --release --locked --ignore-rust-version --manifest-path "$here/futuresdr/Cargo.toml" >&2; then
    say "no FutureSDR: it does not build"
else
    ln -sf "$kit/futuresdr/release/futuresdr-flows" "$out/futuresdr-flows"
fi

# On a machine with other work, REALTIME=1 keeps that away from the two cores, for ours and the rivals alike.
front=()
[ "${REALTIME:-0}" = 1 ] && front=(chrt -f 50)
exec "${front[@]}" "$out/compare" "$@"
