#!/usr/bin/env bash
# All tests of all packages, with Arrow and Parquet: the resolver turns the feature on for the library because the command
# line has it. Then the examples of all packages.
# Cost: 6 to 8 minutes on 2 cores for a clean build, 1 minute after that. Needs a Rust toolchain and a C linker; python3 makes
# one test more.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test --no-fail-fast
for example in train_loop train_val resume custom_op custom_mixer custom_source episodes; do
  cargo run --quiet --package feedmill --example "$example"
done
cargo run --quiet --package feedmill-jpeg --example crop
cargo run --quiet --package feedmill-jpeg --example index -- fixtures/photos/nature/life_by_Aitzol_Berasategi.jpg
