#!/usr/bin/env bash
# Every set of features of every package compiles without a warning. There are few enough for a plain loop.
# Cost: 2 minutes on 2 cores after lint.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
export RUSTFLAGS="-D warnings"
for features in "" "arrow"; do
  cargo check --package feedmill --no-default-features --features "$features"
  cargo check --package feedmill --all-targets --no-default-features --features "$features"
  cargo check --package feedmill-cli --no-default-features --features "$features"
done
cargo check --package feedmill-jpeg --no-default-features
