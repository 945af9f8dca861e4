//! What editors write and what opens doors is in no log, no report and no announcement.

use testkit::simulators::contentful::PageFault;

use crate::world::{Cms, World};

const MARK: &str = "Mara Quill of Quay 7";

#[tokio::test]
async fn nothing_that_an_item_says_is_seen_outside_its_row() {
    let (world, cms) = World::with_contentful(&["a", "b", "c", "d", "e", "f"]).await;
    cms.publish_entry("a", MARK);
    let mut said = String::new();
    for fault in [None, Some(PageFault::Status(500)), Some(PageFault::LinkElsewhere), Some(PageFault::Empty)]
    {
        if let Some(fault) = fault {
            cms.set_page_fault(1, fault);
        }
        for arguments in [&[][..], &["--full", "--json"], &["--dry-run", "--full"]] {
            let mut settings = cms.settings(&world);
            settings.push(("COPPICE_LOG", String::from("trace")));
            let run = crate::job::Job::start(arguments, &settings).end().await;
            said.push_str(&run.out);
            said.push_str(&run.err);
        }
        cms.publish_entry("b", MARK);
    }
    said.push_str(&world.texts("select outbox::text from outbox").await.join("\n"));
    assert!(said.contains("page of the listing read") && world.announced().await > 6);
    for secret in [MARK, "Mara", cms.access_token(), "w5&", "w5%26"] {
        assert!(!said.contains(secret), "{secret:?} was seen");
    }
    assert!(world.items().await.contains(&format!("a {MARK}")));
}
