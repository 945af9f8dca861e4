//! Edits content of the environment.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::ContentfulControl;
use super::fault::{Fault, PageFault};
use super::resource::{deleted, published, timestamp};
use super::state::Key;
use crate::Gate;

const ENTRY: &str = "Entry";
const ASSET: &str = "Asset";

impl ContentfulControl {
    /// The only space that the simulator accepts.
    pub fn space(&self) -> &'static str {
        self.lock().space()
    }

    /// Gives the space this ID.
    pub fn set_space(&self, space: &'static str) {
        self.lock().space = Some(space);
    }

    /// Refuses each page of a sync that has more items: its response would be too big.
    pub fn set_largest_page(&self, items: usize) {
        self.lock().largest_page = Some(items);
    }

    /// The only access token that the simulator accepts.
    pub fn access_token(&self) -> &'static str {
        "CFPAT-simulated-4f0e8a361b7d20c9"
    }

    /// Publishes an entry of the content type `notice` with a title in two languages, for the first time or again.
    pub fn publish_entry(&self, id: &str, title: &str) {
        self.publish(
            (ENTRY, id.to_owned()),
            Some("notice"),
            &json!({ "title": { "de": title, "en-US": title } }),
        );
    }

    /// Publishes an asset, for the first time or again.
    pub fn publish_asset(&self, id: &str, title: &str) {
        let file =
            json!({ "contentType": "image/png", "fileName": id, "url": format!("//assets.example/{id}") });
        self.publish(
            (ASSET, id.to_owned()),
            None,
            &json!({ "title": { "en-US": title }, "file": { "en-US": file } }),
        );
    }

    /// Unpublishes or deletes an entry: this API does not tell the two apart.
    pub fn unpublish_entry(&self, id: &str) {
        self.unpublish((ENTRY, id.to_owned()));
    }

    /// Unpublishes or deletes an asset.
    pub fn unpublish_asset(&self, id: &str) {
        self.unpublish((ASSET, id.to_owned()));
    }

    /// Removes an entry, and no sync will report the deletion.
    pub fn lose_entry(&self, id: &str) {
        self.lock().resources.remove(&(ENTRY, id.to_owned()));
    }

    /// Leaves an existing entry out of every sync.
    pub fn hide_entry(&self, id: &str) {
        self.lock().hidden.insert((ENTRY, id.to_owned()));
    }

    /// Refuses all sync tokens that were issued so far.
    pub fn refuse_tokens(&self) {
        self.lock().generation += 1;
    }

    /// Makes the environment fail, or ends the fault with [`Fault::None`].
    pub fn set_fault(&self, fault: Fault) {
        self.lock().fault = fault;
    }

    /// Sets faults of the pages of a sync by number: 0 is the next request, 1 the one after it, and so on.
    pub fn set_page_fault(&self, number: usize, fault: PageFault) {
        self.lock().pages.set_fault(number, fault);
    }

    /// Holds every page of a sync from now on.
    pub fn hold_pages(&self) -> Gate {
        self.lock().pages.hold()
    }

    /// Pages of syncs so far, with any answer.
    pub fn pages(&self) -> usize {
        self.lock().pages.served
    }

    /// Reads of single items so far.
    pub fn reads(&self) -> usize {
        self.lock().reads
    }

    fn publish(&self, key: Key, content_type: Option<&str>, fields: &Value) {
        let mut state = self.lock();
        let now = OffsetDateTime::now_utc();
        // The count starts again when an ID is used again.
        let known = state.live(&key).map(|known| (known.revision, known.json["sys"]["createdAt"].clone()));
        let (revision, created_at) = known.unwrap_or((0, json!(timestamp(now))));
        let json = published(&key, content_type, fields, revision + 1, &created_at, now);
        state.store(key, json, false, revision + 1);
    }

    fn unpublish(&self, key: Key) {
        let json = deleted(&key, OffsetDateTime::now_utc());
        self.lock().store(key, json, true, 0);
    }
}
