//! Which account an event is from, and in which mode: <https://docs.stripe.com/connect/webhooks>. A platform gets the events of
//! its connected accounts too, and those of test mode in live mode. A session is found only in its own account and mode.

use event_contract::UnreadableEvent;
use serde_json::Value;

/// An account and a mode.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// The connected account, `acct_…`. `None`: the account that the key or the webhook belongs to.
    connected: Option<String>,
    /// Live mode or test mode. `None`: unknown.
    live: Option<bool>,
}

impl Account {
    /// The account that our requests read: `connected`, in the mode of the key.
    pub(super) fn of_requests(connected: Option<&str>, api_key: &str) -> Self {
        // `sk_live_…`, `rk_test_…`: <https://docs.stripe.com/keys>.
        let live = match api_key.split('_').nth(1) {
            Some("live") => Some(true),
            Some("test") => Some(false),
            _ => None,
        };
        Self { connected: connected.map(str::to_owned), live }
    }

    /// The account that an event is from. `None`: the event names it by a text that is not an account's ID.
    pub(super) fn of_event(event: &Value) -> Option<Self> {
        let connected = match event.get("account") {
            None | Some(Value::Null) => None,
            Some(account) => Some(account.as_str().filter(|id| is_account_id(id))?.to_owned()),
        };
        Some(Self { connected, live: event.get("livemode").and_then(Value::as_bool) })
    }

    /// One text for an ingress event: `acct_1 live`. `None`: nothing is known.
    pub(super) fn to_text(&self) -> Option<String> {
        let mode = self.live.map(|live| if live { "live" } else { "test" });
        let words: Vec<&str> = self.connected.as_deref().into_iter().chain(mode).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }

    pub(super) fn from_text(text: &str) -> Option<Self> {
        let mut account = Self::default();
        for word in text.split(' ') {
            match word {
                "live" => account.live = Some(true),
                "test" => account.live = Some(false),
                id if is_account_id(id) => account.connected = Some(id.to_owned()),
                _ => return None,
            }
        }
        Some(account)
    }

    /// Refuses an event of another account or mode.
    pub(super) fn check(&self, event: &Self) -> Result<(), UnreadableEvent> {
        let other_mode = self.live.is_some() && event.live.is_some() && self.live != event.live;
        if self.connected != event.connected {
            return Err(UnreadableEvent::OtherAccount { setting: "account" });
        }
        if other_mode { Err(UnreadableEvent::OtherAccount { setting: "api_key" }) } else { Ok(()) }
    }
}

/// True for `acct_` and what Stripe puts behind it: letters and digits.
pub(super) fn is_account_id(text: &str) -> bool {
    let rest = text.strip_prefix("acct_").filter(|rest| !rest.is_empty());
    rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_account_has_one_text() {
        for (event, text) in [
            (json!({}), None),
            (json!({"account": null, "livemode": true}), Some("live")),
            (json!({"livemode": false}), Some("test")),
            (json!({"account": "acct_1Connected7", "livemode": true}), Some("acct_1Connected7 live")),
            (json!({"account": "acct_1Connected7", "livemode": "true"}), Some("acct_1Connected7")),
        ] {
            let account = Account::of_event(&event).unwrap();
            assert_eq!(account.to_text().as_deref(), text, "{event}");
            assert!(text.is_none_or(|text| Account::from_text(text) == Some(account)), "{event}");
        }
        for account in ["mara", "acct_", "acct_1 2", "acct_*"] {
            assert_eq!(Account::of_event(&json!({"account": account})), None, "{account}");
        }
        assert_eq!(Account::from_text("acct_1 elsewhere"), None);
    }

    #[test]
    fn the_key_says_the_mode() {
        for (key, live) in [
            ("rk_live_x", Some(true)),
            ("sk_test_x", Some(false)),
            ("s3cret", None),
            ("", None),
            ("a_b", None),
        ] {
            assert_eq!(Account::of_requests(None, key).live, live, "{key}");
        }
    }

    #[test]
    fn an_event_of_another_account_or_mode_is_refused() {
        let event = |text: &str| Account::from_text(text).unwrap();
        let own = Account::of_requests(None, "rk_live_x");
        let connected = Account::of_requests(Some("acct_1"), "rk_live_x");
        let refused = |setting| Err(UnreadableEvent::OtherAccount { setting });
        let (account, key) = (refused("account"), refused("api_key"));
        assert_eq!((own.check(&Account::default()), own.check(&event("live"))), (Ok(()), Ok(())));
        assert_eq!(
            (own.check(&event("test")), own.check(&event("acct_1 live"))),
            (key.clone(), account.clone())
        );
        assert_eq!(
            (connected.check(&event("acct_1 live")), connected.check(&event("acct_1"))),
            (Ok(()), Ok(()))
        );
        assert_eq!(
            (connected.check(&event("acct_2 live")), connected.check(&event("live"))),
            (account.clone(), account)
        );
        assert_eq!(connected.check(&event("acct_1 test")), key);
        let unknown_mode = Account::of_requests(None, "s3cret");
        assert_eq!(
            (unknown_mode.check(&event("live")), unknown_mode.check(&event("test"))),
            (Ok(()), Ok(()))
        );
    }
}
