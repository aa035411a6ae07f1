#!/usr/bin/env bash
# Memory faults in the unit tests, the vector code among them, by AddressSanitizer.
# Cost: 6 minutes of processor time. Needs a nightly toolchain.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="-Zsanitizer=address" CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/sanitizers"
cargo +nightly test --target "$target" --package feedmill-jpeg --lib
cargo +nightly test --target "$target" --package feedmill --lib
