#!/usr/bin/env bash
# Formatting, the lints of Cargo.toml and clippy.toml with all features and with none, and documentation without dead links.
# Cost: 4 minutes on 2 cores for a clean build. Needs rustfmt and clippy.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo fmt --all --check
cargo clippy --workspace --all-targets --all-features -- -D warnings
cargo clippy --workspace --no-default-features -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features
