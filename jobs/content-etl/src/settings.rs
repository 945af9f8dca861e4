//! The job's settings: the CMS's, its own, and the database's.

use job_process::Database;
use provider_content::ContentSettings;
use worker_process::LOG;

settings::declare! {
    /// All of them.
    pub(crate) struct JobSettings;

    pub(crate) content: ContentSettings = load;
    ATTEMPTS: u32 = "COPPICE_CONTENT_ATTEMPTS" [default "5", within 1..=20]
        "how often a page is requested while the content management system is down" => pub(crate) attempts;
    pub(crate) database: Database = load;
    list use LOG;
}
