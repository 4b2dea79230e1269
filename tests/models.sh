#!/usr/bin/env bash
# Runs the models of ringbuf/models through spin: every order of a small protocol is tried, and none may fail. Then
# each of a model's defects is put in, and must be found. Needs spin and a C compiler.
#
# THALWEG_MODELS=large tries more kills and items: some minutes and some GB.
set -euo pipefail
models="$(cd "$(dirname "$0")/../ringbuf/models" && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"

# check OPTIMISE MODEL WORDS..: tries every order of the model with these settings; leaves what was found in `found`.
check() {
  local optimise="$1" model="$2"
  shift 2
  spin "$@" -a "$models/$model.pml"
  cc "$optimise" -DSAFETY -DCOLLAPSE -DMEMLIM=12000 -o pan pan.c
  ./pan -m100000 -w22 >found 2>&1 || true
  rm -f pan.* pan ./*.trail
}

right() {
  check -O2 "$@"
  if ! grep -q 'errors: 0' found || grep -Eq 'max search depth too small|out of memory' found; then
    cat found
    echo "model $*: it must hold"
    exit 1
  fi
  echo "$*: holds ($(awk '/states, stored/ { print $1 }' found) states)"
}

wrong() {
  check -O0 "$@"
  if ! grep -Eq 'errors: [1-9]' found; then
    cat found
    echo "model $*: the defect went unnoticed"
    exit 1
  fi
  echo "$*: found ($(grep -m1 -oE 'assertion violated|invalid end state' found))"
}

right crash -DWORKER=0 -DSINK=0
right crash -DSOURCE=0 -DSINK=0
right crash -DSOURCE=0 -DWORKER=0
right crash -DSOURCE=0 -DSINK=0 -DITEMS=2 -DASIDE
for bug in 1 2 3 4 5 6 7 8 9 10 11; do
  wrong crash -DSOURCE=0 -DSINK=0 -DBUG=$bug
done
right snapshot -DSINK=0
right snapshot -DSOURCE=0
for bug in 1 2 3; do
  wrong snapshot -DSINK=0 -DBUG=$bug
done
right stall
for bug in 1 2 3; do
  wrong stall -DBUG=$bug
done
right dry
for bug in 1 2; do
  wrong dry -DBUG=$bug
done
if [ "${THALWEG_MODELS:-}" = large ]; then
  right dry -DHOPS=4 -DKILLS=2
  right crash -DITEMS=2
  right crash -DSOURCE=0 -DSINK=0 -DWORKER=2
  right snapshot -DITEMS=4
  right stall -DHOPS=5 -DKILLS=3
fi
