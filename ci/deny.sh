#!/usr/bin/env bash
# Licenses, banned and doubled crates, and where crates come from: deny.toml. `cargo deny check advisories` asks the network
# and depends on the day, so it is a separate command.
# Cost: a second, and 2 minutes on 2 cores to install cargo-deny if it is not there.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo deny --version || cargo install cargo-deny --locked
cargo deny check licenses bans sources
