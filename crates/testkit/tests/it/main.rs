//! The stub of AWS passes the conformance suite of the real client.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod fast_aws;
