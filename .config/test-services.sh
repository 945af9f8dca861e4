#!/bin/sh
# nextest's setup script: builds every unit once, and starts what all tests share.
set -eu
# The tests of mutations need no services, and would build every unit once for each mutation.
[ "${NEXTEST_PROFILE:-}" != mutants ] || exit 0
cd "$(dirname "$0")/.."
cargo build --workspace --bins --all-features --quiet
exec "${CARGO_TARGET_DIR:-target}/debug/test-services"
