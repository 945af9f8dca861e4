//! Help texts, reports, and errors about wrong usage.

use local_stack::TestDatabase;

use crate::job::Job;
use crate::world::{Cms, World};

#[tokio::test]
async fn help_lists_every_argument_setting_and_exit_code() {
    let help = Job::start(&["--help"], &[]).end().await;
    help.says(
        0,
        &[
            "--full",
            "--dry-run",
            "--json",
            "--allow-deletions",
            "--accept-count",
            "DATABASE_URL",
            "COPPICE_CONTENT_PROVIDER",
            "COPPICE_CONTENT_ATTEMPTS",
            "COPPICE_CONTENTFUL_SPACE",
            "COPPICE_DIRECTUS_COLLECTIONS",
            "COPPICE_LOG",
            "4 a guard stopped the job",
        ],
    );
    for setting in ["COPPICE_CONTENT_ATTEMPTS\n", "DATABASE_URL\n", "COPPICE_LOG\n"] {
        assert_eq!(help.out.matches(setting).count(), 1, "{setting}");
    }
}

#[tokio::test]
async fn the_job_lists_all_missing_and_wrong_settings() {
    Job::start(&[], &[])
        .end()
        .await
        .says(2, &["DATABASE_URL: is not set", "COPPICE_CONTENT_PROVIDER: is not set"]);
    Job::start(&["--fully"], &[]).end().await.says(2, &["--fully"]);
}

#[tokio::test]
async fn the_job_refuses_a_database_without_the_schema() {
    let (world, cms) = World::with_contentful(&["a"]).await;
    let mut settings = cms.settings(&world);
    settings.retain(|(name, _)| *name != "DATABASE_URL");
    let empty = TestDatabase::empty().await.unwrap();
    settings.push(("DATABASE_URL", empty.url().to_owned()));
    Job::start(&[], &settings).end().await.says(1, &["run the migrate job first"]);
    assert_eq!(cms.pages(), 0);
}

#[tokio::test]
async fn a_report_has_the_same_facts_as_text_and_as_json() {
    let (world, cms) = World::with_contentful(&["a", "b", "c"]).await;
    let text = cms.run(&world, &[]).await;
    text.says(
        0,
        &["contentful orchard1/master: everything, 3 items on 3 page(s)\n  3 new or changed, 0 gone\n  \
         3 listed, 0 stored and not listed\n"],
    );
    assert_eq!(
        cms.run(&world, &[]).await.out,
        "contentful orchard1/master: changes, 0 items on 1 page(s)\n  0 new or changed, 0 gone\n"
    );
    let report = cms.run(&world, &["--json"]).await.json(0);
    for (field, expected) in [("source", "contentful"), ("scope", "orchard1/master")] {
        assert_eq!(report[field], expected);
    }
}
