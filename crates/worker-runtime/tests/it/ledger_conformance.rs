//! The ledger in memory passes the suite, on paused time.

use worker_runtime::{MemoryLedger, ledger_conformance};

ledger_conformance! { [#[tokio::test(start_paused = true)]] MemoryLedger::default() }
