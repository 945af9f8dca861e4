//! Faults of a listing that a test can set. All simulators share them.
//!
//! A client sees that a page failed. An empty or repeated page has status 200: a cache, a broken index or a proxy can cause
//! it. A client that trusts such a page treats the missing records as gone.

/// The fault of a page of a listing. Pages are counted from 1, since the test set the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListingFault {
    /// No fault.
    #[default]
    None,
    /// The page and all later requests are answered with 500.
    FailedPage(usize),
    /// The page has status 200 and no record.
    EmptyPage(usize),
    /// It is the page before it once more.
    RepeatedPage(usize),
}

/// The fault in force, and the pages so far.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    fault: ListingFault,
    pages: usize,
}

/// How a page is to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageAs {
    Usual,
    Failed,
    Empty,
    TheOneBefore,
}

impl Listing {
    pub(crate) fn set(&mut self, fault: ListingFault) {
        *self = Self { fault, pages: 0 };
    }

    pub(crate) fn next_page(&mut self) -> PageAs {
        self.pages += 1;
        match self.fault {
            ListingFault::FailedPage(page) if page <= self.pages => PageAs::Failed,
            ListingFault::EmptyPage(page) if page == self.pages => PageAs::Empty,
            ListingFault::RepeatedPage(page) if page == self.pages => PageAs::TheOneBefore,
            _ => PageAs::Usual,
        }
    }
}
