#!/usr/bin/env bash
# Licenses, banned and doubled crates, and where crates come from: deny.toml. `cargo deny check advisories` asks the network
# and depends on the day, so it is a separate command.
# Cost: a second; `cargo install cargo-deny --locked` takes several minutes once, which is why .ci/run leaves this out.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo deny check licenses bans sources
