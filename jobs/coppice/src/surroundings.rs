//! What a command needs: the database, the policy, a file.

use std::path::Path;

use authority::{Policy, PolicyError};
use event_contract::{Hop, TraceContext};
use postgres_store::{Announce, Store};
use settings::Reader;
use uuid::Uuid;
use worker_process::{DATABASE_URL, read_policy};

use crate::output::Failure;

/// One for the command, one in reserve.
const CONNECTIONS: u32 = 2;

/// The database, by the policy that the workers have too.
pub(crate) async fn store() -> Result<(Store, Policy), Failure> {
    let mut reader = Reader::from_environment();
    let url = reader.secret(DATABASE_URL);
    let policy = read_policy(&mut reader);
    reader.finish().map_err(|error| Failure::Usage(error.to_string()))?;
    let (Some(url), Some(policy)) = (url, policy) else {
        return Err(Failure::Usage(String::from("settings are missing")));
    };
    let store = Store::open(&url, CONNECTIONS).map_err(|error| Failure::Usage(error.to_string()))?;
    store.check_schema().await?;
    Ok((store.with_policy(policy.clone()), policy))
}

/// The text of a policy file, read as one.
pub(crate) fn policy_file(path: &Path) -> Result<Result<Policy, PolicyError>, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("{}: {}", path.display(), error.kind())))?;
    Ok(Policy::parse(&text))
}

/// How a change that an operator makes is announced: it comes from outside, and is its own cause.
pub(crate) fn announce() -> Result<Announce, Failure> {
    let hop = Hop::OUTSIDE.next().map_err(|error| Failure::Failed(error.to_string()))?;
    Ok(Announce { cause: Uuid::now_v7(), hop, traceparent: TraceContext::start() })
}
