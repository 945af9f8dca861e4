//! How a listing lies, on command: for all simulators alike.
//!
//! A client sees that a page failed. An empty or repeated page has status 200: a cache, a broken index or a proxy can cause
//! it. A client that believes such a page treats the missing records as gone.

/// What is wrong with a listing's page of this number, from 1, counted since it was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListingFault {
    /// Nothing.
    #[default]
    None,
    /// It is answered with 500, and all that are asked for after it.
    FailedPage(usize),
    /// It is answered with 200, and has nothing on it.
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

    /// Counts a page.
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
