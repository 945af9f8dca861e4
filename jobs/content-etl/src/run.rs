//! What one run works with.

use std::collections::HashSet;

use job_process::JobError;
use provider_content::ContentClient;

use crate::arguments::Arguments;
use crate::calls::Calls;
use crate::loading::Loading;

pub(crate) struct Run {
    pub(crate) arguments: Arguments,
    pub(crate) provider: ContentClient,
    pub(crate) calls: Calls,
    pub(crate) loading: Loading,
    // Name of the cursor of changes. The scope is part of it, because a cursor is valid for one scope only.
    pub(crate) changes: String,
    pub(crate) listing: String,
}

/// The cursors that a run has followed: one that comes again would lead in a circle.
#[derive(Default)]
pub(crate) struct Visited(HashSet<String>);

impl Visited {
    pub(crate) fn go(&mut self, next: Option<&String>) -> Result<(), JobError> {
        match next {
            Some(next) if !self.0.insert(next.clone()) => Err(JobError::Failed(String::from(
                "the CMS sends the same page again: the run stops reading",
            ))),
            _ => Ok(()),
        }
    }
}
