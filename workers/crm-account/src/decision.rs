//! Decides whether the worker pushes values of a person to the CRM, and which. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use authority::{Field, Status};
use postgres_store::{CrmView, MOST_REPEATS, is_another_person};

/// The usual time for writing a contact and reading it again.
const ROUND_TRIP: Duration = Duration::from_secs(3);

/// While another contact has our key, the worker checks again, each time after twice as long, until the message is this old.
/// After that, the next announcement of the person triggers the push. The limit is one hour, so that a message delayed by an
/// outage is still checked.
const GIVE_UP_AFTER: Duration = Duration::from_secs(3600);

/// Longest time between two such checks. With it the queue delivers a message at most 36 times in the hour, fewer than its
/// `maxReceiveCount`.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Nothing: the CRM has our values already, or they are on their way, or it gets none for this person.
    Nothing,
    /// Nothing yet. Either another person's contact still has our key, or the contact was read seconds after a push of these
    /// values, and may have been read without them. Check again after this time.
    Later(Duration),
    /// Nothing, but the contact with this ID of the CRM has our key, and no push to this person is recorded: we created it, and what
    /// followed failed.
    Record(String),
    /// Nothing: a user of the CRM changes our values back each time.
    Contested,
    /// Push this.
    Write(Write),
}

/// A write to one record of the source. Without fields, only our key is written.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Write {
    /// The source's ID of the record. `None`: it is found by our key, or created.
    pub(crate) id: Option<String>,
    /// The values to push.
    pub(crate) fields: BTreeMap<Field, String>,
}

impl std::fmt::Debug for Write {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // No value: the fields are personal.
        f.debug_struct("Write").field("id", &self.id).finish_non_exhaustive()
    }
}

/// `age`: how long ago the message was sent.
pub(crate) fn decide(view: &CrmView, target: &str, age: Duration) -> Decision {
    // The newest version of `coppice.toml` pushes nothing there, and this branch is about to be removed.
    if !view.policy.targets().any(|pushed| pushed == target) {
        return Decision::Nothing;
    }
    // A person without an account at the identity provider gets no contact.
    if !matches!(view.profile.status, Status::Active | Status::Blocked) {
        return release_key(view);
    }
    let policy = &*view.policy;
    let fields = view.profile.to_push(policy, target, view.contact.as_ref());
    let hash = view.push_key.hash_of_push(policy, target, view.person_id, &fields);
    let pushed = view.pushed.as_ref();
    let id = match (&view.contact, pushed) {
        (Some(contact), _) => {
            let id = contact.external_id.clone();
            if fields.is_empty() && view.contact_key == Some(view.person_id.to_string()) {
                return if pushed.is_some() { Decision::Nothing } else { Decision::Record(id) };
            }
            Some(id)
        }
        // A user of the CRM has deleted the contact; or an open review asks whether an existing contact is this person's.
        (None, _) if view.contact_deleted || view.under_review => return Decision::Nothing,
        // Pushed, and the echo has not arrived yet.
        (None, Some(pushed)) if pushed.hash == hash && pushed.times > 0 => return Decision::Nothing,
        (None, Some(pushed)) => Some(pushed.external_id.clone()),
        (None, None) if view.key_elsewhere && age < GIVE_UP_AFTER => {
            return Decision::Later(age.clamp(ROUND_TRIP, LONGEST_WAIT));
        }
        (None, None) if view.key_elsewhere => return Decision::Nothing,
        (None, None) => None,
    };
    // A reading will show what became of them, and announces a difference. If none comes within an hour, they are pushed again.
    if pushed.is_some_and(|pushed| pushed.hash == hash && pushed.times > 0 && !pushed.read_since) {
        return Decision::Nothing;
    }
    if pushed.is_some_and(|pushed| pushed.hash == hash && pushed.just_now) {
        return Decision::Later(ROUND_TRIP);
    }
    if pushed.is_some_and(|pushed| pushed.hash == hash && pushed.times >= MOST_REPEATS) {
        return Decision::Contested;
    }
    Decision::Write(Write { id, fields })
}

/// Removes another person's key from the contact of a person without an account.
fn release_key(view: &CrmView) -> Decision {
    let Some(contact) = &view.contact else { return Decision::Nothing };
    // While this contact has another person's key, that person cannot get a contact.
    if !is_another_person(view.contact_key.as_deref(), view.person_id) {
        return Decision::Nothing;
    }
    Decision::Write(Write { id: Some(contact.external_id.clone()), fields: BTreeMap::new() })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use std::sync::Arc;

    use authority::{Policy, Profile, Role, SourceRecord};
    use postgres_store::{PUSH_KEY_BYTES, PushKey, Pushed};
    use uuid::Uuid;

    use super::*;

    const NEW: Duration = Duration::ZERO;

    const PERSON: Uuid = Uuid::from_u128(7);

    const ANOTHER_PERSON: Uuid = Uuid::from_u128(8);

    const KEY: PushKey = PushKey::new([7; PUSH_KEY_BYTES]);

    fn policy() -> Policy {
        Policy::parse(r#"push.salesforce.fields = ["email", "phone"]"#, &["salesforce"]).unwrap()
    }

    fn record(source: &str, role: Role, refetches: &str) -> SourceRecord {
        let (source, external_id) = (source.to_owned(), String::from("003"));
        let record = refetches.parse().ok();
        SourceRecord { source, role, external_id, version_at: None, record, echoes: BTreeSet::new() }
    }

    /// A person with an account, and the CRM's contact if there is one.
    fn view(contact: Option<&str>, key: Option<&str>) -> CrmView {
        let idp = record("auth0", Role::Sso, r#"{"email": "a@idp"}"#);
        let contact = contact.map(|refetches| record("salesforce", Role::Crm, refetches));
        let records: Vec<SourceRecord> = std::iter::once(idp).chain(contact.clone()).collect();
        CrmView {
            person_id: PERSON,
            revision: 1,
            profile: Profile::compute(&policy(), &records),
            contact,
            contact_key: key.map(str::to_owned),
            contact_deleted: false,
            under_review: false,
            key_elsewhere: false,
            pushed: None,
            push_key: KEY,
            policy: Arc::new(policy()),
        }
    }

    fn hash_of_email(email: &str) -> Vec<u8> {
        let fields = BTreeMap::from([(Field::email().clone(), email.to_owned())]);
        KEY.hash_of_push(&policy(), "salesforce", PERSON, &fields)
    }

    fn id_to_write(view: &CrmView) -> Option<Option<String>> {
        match decide(view, "salesforce", NEW) {
            Decision::Write(write) => Some(write.id),
            Decision::Nothing | Decision::Later(_) | Decision::Record(_) | Decision::Contested => None,
        }
    }

    #[test]
    fn a_contact_is_created_corrected_and_then_left_unchanged() {
        let own = PERSON.to_string();
        let known = || Some(Some(String::from("003")));
        assert_eq!(id_to_write(&view(None, None)), Some(None), "a new contact");
        assert_eq!(id_to_write(&view(Some(r#"{"email": "a@crm"}"#), Some(&own))), known(), "a correction");
        assert_eq!(
            id_to_write(&view(Some(r#"{"email": "a@idp"}"#), None)),
            known(),
            "our key for an existing contact"
        );
        assert_eq!(
            id_to_write(&view(Some(r#"{"email": "a@idp"}"#), Some(&own))),
            None,
            "the contact is correct"
        );
        assert_eq!(id_to_write(&CrmView { contact_deleted: true, ..view(None, None) }), None);
        assert_eq!(id_to_write(&CrmView { under_review: true, ..view(None, None) }), None);
        let gone = Profile { status: Status::Deleted, ..view(None, None).profile };
        assert_eq!(id_to_write(&CrmView { profile: gone, ..view(None, None) }), None);
    }

    #[test]
    fn a_contact_with_our_key_that_is_not_recorded_is_recorded_once() {
        let own = PERSON.to_string();
        let correct = || view(Some(r#"{"email": "a@idp"}"#), Some(&own));
        let pushed = |id: &str| {
            let external_id = id.to_owned();
            Some(Pushed { external_id, hash: Vec::new(), times: 1, just_now: false, read_since: true })
        };
        let decided = |view: &CrmView| decide(view, "salesforce", NEW);
        assert_eq!(decided(&correct()), Decision::Record(String::from("003")));
        assert_eq!(decided(&CrmView { pushed: pushed("003"), ..correct() }), Decision::Nothing);
        let merged = CrmView { pushed: pushed("004"), ..correct() };
        assert_eq!(
            decided(&merged),
            Decision::Nothing,
            "the CRM merged the contact that was pushed to into this one"
        );
        let gone = Profile { status: Status::Deleted, ..correct().profile };
        assert_eq!(decided(&CrmView { profile: gone, ..correct() }), Decision::Nothing, "it has no account");
    }

    #[test]
    fn a_source_that_is_no_longer_pushed_to_gets_nothing() {
        let other = ANOTHER_PERSON.to_string();
        let gone = || Profile { status: Status::Deleted, ..view(None, None).profile };
        for view in [
            view(None, None),
            view(Some(r#"{"email": "a@crm"}"#), None),
            CrmView { profile: gone(), ..view(Some("{}"), Some(&other)) },
        ] {
            assert!(matches!(decide(&view, "salesforce", NEW), Decision::Write(_)), "it is pushed to");
            let none = Policy::parse("", &["salesforce"]).unwrap();
            let hubspot =
                Policy::parse(r#"push.hubspot.fields = ["email"]"#, &["salesforce", "hubspot"]).unwrap();
            for policy in [none, hubspot] {
                let view = CrmView { policy: Arc::new(policy), ..view.clone() };
                assert_eq!(decide(&view, "salesforce", NEW), Decision::Nothing);
            }
        }
    }

    #[test]
    fn one_contact_loses_a_key_before_another_gets_it() {
        let mut waiting = view(None, None);
        waiting.key_elsewhere = true;
        let after = |secs| decide(&waiting, "salesforce", Duration::from_secs(secs));
        assert_eq!(after(0), Decision::Later(Duration::from_secs(3)));
        assert_eq!(after(20), Decision::Later(Duration::from_secs(20)), "twice as long each time");
        assert_eq!(
            after(1800),
            Decision::Later(Duration::from_secs(120)),
            "an outage delays the check by no more"
        );
        assert_eq!(after(3600), Decision::Nothing);
        let other = Uuid::from_u128(8).to_string();
        let mut holder = view(Some(r#"{"email": "a@crm"}"#), Some(&other));
        holder.profile.status = Status::Known;
        assert_eq!(id_to_write(&holder), Some(Some(String::from("003"))));
        holder.contact_key = Some(String::from("K-1"));
        assert_eq!(id_to_write(&holder), None, "a key of the CRM's own");
    }

    #[test]
    fn pushed_values_are_not_pushed_again_before_their_echo() {
        let hash = hash_of_email("a@idp");
        let pushed = |hash: &[u8], times| {
            Some(Pushed {
                external_id: String::from("003"),
                hash: hash.to_vec(),
                times,
                just_now: false,
                read_since: true,
            })
        };
        assert_eq!(id_to_write(&CrmView { pushed: pushed(&hash, 1), ..view(None, None) }), None);
        let other = CrmView { pushed: pushed(b"other", 1), ..view(None, None) };
        assert_eq!(id_to_write(&other), Some(Some(String::from("003"))), "a change goes to the same contact");
    }

    #[test]
    fn values_are_not_pushed_again_before_a_reading_shows_what_became_of_them() {
        let hash = hash_of_email("a@idp");
        let after = |read_since| {
            let (external_id, hash) = (String::from("003"), hash.clone());
            let pushed = Some(Pushed { external_id, hash, times: 3, just_now: false, read_since });
            let view = CrmView { pushed, ..view(Some(r#"{"email": "a@crm"}"#), None) };
            decide(&view, "salesforce", NEW)
        };
        assert_eq!(after(false), Decision::Nothing, "the contact may have them");
        assert_eq!(after(true), Decision::Contested, "it was read, and has others");
    }

    #[test]
    fn a_value_that_goes_to_another_property_is_pushed_again() {
        let (external_id, hash) = (String::from("003"), hash_of_email("a@idp"));
        let pushed = Some(Pushed { external_id, hash, times: 1, just_now: false, read_since: false });
        let before = CrmView { pushed, ..view(Some(r#"{"email": "a@crm"}"#), None) };
        assert_eq!(decide(&before, "salesforce", NEW), Decision::Nothing);
        let text = "push.salesforce.fields = [\"email\"]\npush.salesforce.map.email = \"Second_Email__c\"";
        let policy = Arc::new(Policy::parse(text, &["salesforce"]).unwrap());
        let after = CrmView { policy, ..before };
        assert!(matches!(decide(&after, "salesforce", NEW), Decision::Write(_)));
    }

    #[test]
    fn a_reading_right_after_a_push_may_have_missed_it() {
        let hash = hash_of_email("a@idp");
        let pushed = Some(Pushed {
            external_id: String::from("003"),
            hash,
            times: 1,
            just_now: true,
            read_since: true,
        });
        let waiting = CrmView { pushed, ..view(Some(r#"{"email": "a@crm"}"#), None) };
        for age in [0, 60, 7200] {
            let decision = decide(&waiting, "salesforce", Duration::from_secs(age));
            assert_eq!(decision, Decision::Later(ROUND_TRIP), "the age of the message does not matter");
        }
    }

    #[test]
    fn the_worker_stops_correcting_a_contact_that_the_crm_changes_back_three_times() {
        let hash = hash_of_email("a@idp");
        let changed_back = |times| {
            let pushed = Some(Pushed {
                external_id: String::from("003"),
                hash: hash.clone(),
                times,
                just_now: false,
                read_since: true,
            });
            CrmView { pushed, ..view(Some(r#"{"email": "a@crm"}"#), None) }
        };
        assert!(matches!(decide(&changed_back(2), "salesforce", NEW), Decision::Write(_)));
        assert_eq!(decide(&changed_back(3), "salesforce", NEW), Decision::Contested);
    }
}
