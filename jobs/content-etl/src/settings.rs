//! The job's settings: the database's, the CMS's, and its own.

use job_process::{Database, JobError};
use provider_content::{CONTENT_SETTINGS, ContentSettings};
use settings::{Reader, Setting};
use worker_process::{DATABASE_URL, LOG, POLICY};

const ATTEMPTS: Setting = Setting::with_default(
    "COPPICE_CONTENT_ATTEMPTS",
    "5",
    "how often a page is asked for while the content management system is down",
);

const CMS: usize = CONTENT_SETTINGS.len();

/// All of them, for `--help`.
pub(crate) const SETTINGS: &[Setting] = &{
    let mut all = [ATTEMPTS; CMS + 4];
    let mut place = 0;
    while place < CMS {
        all[place] = CONTENT_SETTINGS[place];
        place += 1;
    }
    all[CMS + 1] = DATABASE_URL;
    all[CMS + 2] = POLICY;
    all[CMS + 3] = LOG;
    all
};

/// Parsed.
pub(crate) struct JobSettings {
    pub(crate) database: Database,
    pub(crate) content: ContentSettings,
    pub(crate) attempts: u32,
}

impl JobSettings {
    /// Reads them.
    ///
    /// # Errors
    /// [`JobError::Usage`] with all that are missing or wrong.
    pub(crate) fn read() -> Result<Self, JobError> {
        let mut reader = Reader::from_environment();
        let database = Database::read(&mut reader);
        let content = ContentSettings::read(&mut reader);
        let attempts = reader.read_within(ATTEMPTS, 1, 20);
        reader.finish()?;
        let missing = || JobError::Usage(String::from("settings are missing"));
        Ok(Self {
            database: database.ok_or_else(missing)?,
            content: content.ok_or_else(missing)?,
            attempts: attempts.ok_or_else(missing)?,
        })
    }
}
