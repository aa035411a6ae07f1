#!/usr/bin/env bash
# Undefined behavior in the code that shares memory between threads (slab, budget), by the interpreter Miri. It cannot run
# AVX2 code or map files: ci/sanitizers.sh covers those.
# Cost: 2 minutes. Needs `rustup toolchain install nightly --component miri`.
set -euo pipefail
cd "$(dirname "$0")/.."
export MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-many-seeds=0..8"
(cd ci/loom && CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/miri" cargo +nightly miri test --lib)
