#!/usr/bin/env bash
# All orders of the atomic operations of the slab and of the locks of the budget and the deliveries: ci/loom/models.rs.
# Cost: 20 seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
cd ci/loom
RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/loom" cargo test --lib -- models
