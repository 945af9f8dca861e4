//! Edits items of the project.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use super::DirectusControl;
use super::state::PageFault;
use crate::Gate;

impl DirectusControl {
    /// Creates collections without items.
    pub fn create_collections(&self, names: &[&str]) {
        let empty = names.iter().map(|name| ((*name).to_owned(), Default::default()));
        self.lock().collections.extend(empty);
    }

    /// The only token that the simulator accepts.
    pub fn token(&self) -> &'static str {
        "simulated-4f0e8a361b7d20c9"
    }

    /// Creates or updates a published item.
    pub fn put(&self, collection: &str, id: &str, title: &str) {
        self.put_at(collection, id, title, OffsetDateTime::now_utc());
    }

    /// Creates or updates a published item at this time.
    ///
    /// # Panics
    /// When there is no such collection; the same holds for the other changes.
    pub fn put_at(&self, collection: &str, id: &str, title: &str, at: OffsetDateTime) {
        self.change(collection, id, at, |item| item["title"] = json!(title));
    }

    /// Sets the status of an item, such as `draft`.
    pub fn set_item_status(&self, collection: &str, id: &str, status: &str) {
        self.change(collection, id, OffsetDateTime::now_utc(), |item| item["status"] = json!(status));
    }

    /// Deletes an item. No answer will mention it.
    pub fn delete(&self, collection: &str, id: &str) {
        self.lock().collections.get_mut(collection).expect("a collection").remove(id);
    }

    /// Withdraws, or grants again, the permission to read.
    pub fn forbid(&self, forbidden: bool) {
        self.lock().forbidden = forbidden;
    }

    /// Makes the collection a singleton: one item, which no list has.
    pub fn make_singleton(&self, collection: &str) {
        self.lock().singletons.insert(collection.to_owned());
    }

    /// Sets the server's largest page: `QUERY_LIMIT_MAX`.
    pub fn set_limit_max(&self, limit: usize) {
        self.lock().limit_max = Some(limit);
    }

    /// Sets faults of lists by number: 0 is the next request, 1 the one after it, and so on.
    pub fn set_page_fault(&self, number: usize, fault: PageFault) {
        self.lock().lists.set_fault(number, fault);
    }

    /// Holds every list from now on.
    pub fn hold_lists(&self) -> Gate {
        self.lock().lists.hold()
    }

    /// Lists of items so far, with any answer.
    pub fn lists(&self) -> usize {
        self.lock().lists.served
    }

    fn change(&self, collection: &str, id: &str, at: OffsetDateTime, change: impl FnOnce(&mut Value)) {
        let mut state = self.lock();
        let items = state.collections.get_mut(collection).expect("a collection");
        let item = items.entry(id.to_owned());
        if let std::collections::btree_map::Entry::Occupied(_) = item {
            let item = item.or_default();
            item["date_updated"] = json!(timestamp(at));
            return change(item);
        }
        let new =
            json!({ "id": id, "status": "published", "date_created": timestamp(at), "date_updated": null });
        change(item.or_insert(new));
    }
}

/// With milliseconds, as Directus writes times.
fn timestamp(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    at.format(format).expect("the present can be written")
}
