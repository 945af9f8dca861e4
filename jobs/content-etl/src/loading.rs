//! Writes the items of a page: rows, announcements and the cursor, in one transaction.

use job_process::JobError;
use postgres_store::{
    Announce, ContentItem, ContentKey, ContentLoad, ContentReading, ContentScope, CursorMove, LoadedContent,
    Store, Write,
};
use provider_content::{ChangesPage, Deletion, Item, ItemKey};

pub(crate) struct Loading {
    pub(crate) store: Store,
    pub(crate) source: &'static str,
    pub(crate) scope: String,
    // The run is the cause of the changes.
    pub(crate) announce: Announce,
    /// Without it, changes are counted and not written.
    pub(crate) proof: Option<Write>,
}

impl Loading {
    /// Loads readings that started after `ticket` was drawn, and moves the cursor. A dry run only counts.
    pub(crate) async fn load(
        &self,
        ticket: i64,
        readings: &[ContentReading],
        listed: bool,
        step: CursorMove<'_>,
    ) -> Result<LoadedContent, JobError> {
        let announce = self.announce;
        let load = ContentLoad { scope: self.scope(), ticket, readings, listed, step, announce };
        self.store.load_content(&load, self.proof.as_ref()).await?.ok_or_else(overtaken)
    }

    /// Where the items belong.
    pub(crate) fn scope(&self) -> ContentScope<'_> {
        ContentScope { source: self.source, scope: &self.scope }
    }

    pub(crate) const fn writes(&self) -> bool {
        self.proof.is_some()
    }
}

/// Another run has read on from the same cursor.
pub(crate) fn overtaken() -> JobError {
    JobError::Failed(String::from(
        "another run reads the same and was faster: this run ends, and nothing is lost",
    ))
}

pub(crate) fn readings(page: ChangesPage) -> Vec<ContentReading> {
    page.items.into_iter().map(found).chain(page.deletions.into_iter().map(deleted)).collect()
}

pub(crate) fn found(item: Item) -> ContentReading {
    let Item { key, content_type, locales, body, published, revision, version } = item;
    let item = ContentItem { content_type, locales, body, published, source_revision: revision };
    ContentReading { key: stored_key(key), item: Some(item), version_at: version }
}

pub(crate) fn deleted(Deletion { key, at }: Deletion) -> ContentReading {
    ContentReading { key: stored_key(key), item: None, version_at: at }
}

fn stored_key(key: ItemKey) -> ContentKey {
    ContentKey { collection: key.collection, external_id: key.id }
}
