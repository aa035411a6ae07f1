#!/usr/bin/env bash
# Every set of features of every package compiles without a warning. There are few enough for a plain loop.
# Cost: 2 minutes on 2 cores after lint.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
for features in "" "arrow"; do
  for package in feedmill feedmill-cli; do
    cargo clippy --package "$package" --all-targets --no-default-features --features "$features" -- -D warnings
  done
done
cargo clippy --package feedmill-jpeg --all-targets --no-default-features -- -D warnings
