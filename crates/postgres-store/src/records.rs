//! What the sources report: records, identities and sign-ins, and how far each source has been read.

mod audit_result;
pub(crate) mod identity;
mod login;
pub(crate) mod missing;
pub(crate) mod result;
mod sample;
pub(crate) mod source_cursor;
pub(crate) mod source_record;
mod unmodified;

pub use audit_result::AuditResult;
pub use identity::Identity;
pub use login::Login;
pub use missing::MissingRecord;
pub use result::ReadingResult;
pub use sample::StoredRecord;
pub use source_cursor::CursorMove;
pub use source_record::{LARGEST_LAG, RecordStanding, RefetchTicket, Source};
