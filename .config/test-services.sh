#!/bin/sh
# nextest's setup script: builds every unit once, and starts what all tests share.
set -eu
cd "$(dirname "$0")/.."
cargo build --workspace --bins --all-features --quiet
exec "${CARGO_TARGET_DIR:-target}/debug/test-services"
