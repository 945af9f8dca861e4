//! No log, report or announcement contains editors' texts or credentials.

use simulators::contentful::PageFault;

use crate::world::{Cms, World};

const MARK: &str = "Mara Quill of Quay 7";

#[tokio::test]
async fn no_log_report_or_announcement_contains_a_text_of_an_item_or_a_credential() {
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
        assert!(!said.contains(secret), "{secret:?} is in a log, a report or an announcement");
    }
    assert!(world.items().await.contains(&format!("a {MARK}")));
}
