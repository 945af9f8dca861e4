//! `t=<seconds>,v1=<hex>[,v1=<hex>]` over `<t>.<body>`: the scheme that Stripe has made popular.

use time::OffsetDateTime;

use crate::{Secrets, VerifyError, check_age, from_hex, verify_digests};

const TOLERANCE_SECS: u64 = 300;

/// Checks one `t=…,v1=…` with the body that it is of.
///
/// # Errors
/// [`VerifyError`], as the scheme says.
pub fn verify_timed_set(
    set: &str,
    body: &[u8],
    secrets: &Secrets,
    now: OffsetDateTime,
) -> Result<(), VerifyError> {
    let (mut sent_at, mut digests) = (None, Vec::new());
    for field in set.split(',') {
        match field.trim().split_once('=') {
            Some(("t", _)) if sent_at.is_some() => return Err(VerifyError::Signature),
            Some(("t", text)) => sent_at = Some(text),
            Some(("v1", digest)) => digests.extend(from_hex(digest).ok()),
            // Other schemes do not count: `v0` is Stripe's for test events.
            _ => {}
        }
    }
    let sent_at = sent_at.ok_or(VerifyError::Signature)?;
    verify_digests(secrets, &[sent_at.as_bytes(), b".", body], &digests)?;
    check_age(sent_at, now.unix_timestamp(), TOLERANCE_SECS)
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::vectors::hex_digest;

    const SECRET: &str = "0123456789abcdef";

    const SENT_AT: &str = "1795413600";

    fn verdict(set: &str, after_secs: i64) -> Result<(), VerifyError> {
        let sent_at = OffsetDateTime::from_unix_timestamp(SENT_AT.parse().unwrap()).unwrap();
        let now = sent_at + Duration::seconds(after_secs);
        verify_timed_set(set, b"body", &Secrets::read_list(SECRET, crate::Keys::Text).unwrap(), now)
    }

    #[test]
    fn a_v1_digest_of_the_only_time_is_accepted() {
        let digest = hex_digest(SECRET, &format!("{SENT_AT}.body"));
        let wrong = Err(VerifyError::Signature);
        for (set, expected) in [
            (format!("t={SENT_AT},v1={digest}"), Ok(())),
            (format!("v1={digest}, t={SENT_AT}"), Ok(())),
            (format!("t={SENT_AT},v1=00ff,v1={digest}"), Ok(())),
            (format!("t={SENT_AT},v1=no hex,v1={digest}"), Ok(())),
            (format!("t={SENT_AT},v0=00ff,v1={digest},x"), Ok(())),
            (format!("t={SENT_AT},v0={digest}"), wrong),
            (format!("t={SENT_AT},v1=00ff"), wrong),
            (format!("t={SENT_AT}"), wrong),
            (format!("t=1795413601,v1={digest}"), wrong),
            (format!("t=1,t={SENT_AT},v1={digest}"), wrong),
            (format!("t={SENT_AT},t={SENT_AT},v1={digest}"), wrong),
            (format!("v1={digest}"), wrong),
            (String::new(), wrong),
        ] {
            assert_eq!(verdict(&set, 0), expected, "{set}");
        }
    }

    #[test]
    fn a_request_is_accepted_for_five_minutes() {
        let set = format!("t={SENT_AT},v1={}", hex_digest(SECRET, &format!("{SENT_AT}.body")));
        for (after_secs, expected) in
            [(300, Ok(())), (-300, Ok(())), (301, Err(VerifyError::Time)), (-301, Err(VerifyError::Time))]
        {
            assert_eq!(verdict(&set, after_secs), expected, "{after_secs} s later");
        }
    }
}
