//! `link list`, `link decide`, `link undo`: arguments to a decision, and the report as text.

use std::fmt;

use job_process::{JobError, age, announce, print};
use operations::link;
use postgres_store::{LinkCommand, LinkReport, Move, OpenReview, Write};

use crate::arguments::{LinkArguments, Record, Why};
use crate::environment::store;
use crate::failure::job_error;
use crate::printed::Printed;

pub(crate) async fn run(command: LinkArguments, json: bool) -> Result<(), JobError> {
    let (record, wanted, why) = match command {
        LinkArguments::List { limit } => {
            let reviews = link::list(&store().await?, limit).await.map_err(job_error)?;
            return print(&Printed(reviews), json);
        }
        LinkArguments::Decide { record, person, link: true, why, .. } => (record, Move::Link(person), why),
        LinkArguments::Decide { record, person, why, .. } => (record, Move::Separate(person), why),
        LinkArguments::Undo { record, why } => (record, Move::Undo, why),
    };
    let Record { source, external_id } = record;
    let Why { author, reason: note, dry_run } = why;
    let announce = announce()?;
    let store = store().await?;
    let command = LinkCommand { source, external_id, wanted, author, note, announce };
    let report = link::decide(&store, &command, Write::if_wanted(!dry_run).as_ref()).await;
    print(&Printed(report.map_err(job_error)?), json)
}

impl fmt::Display for Printed<Vec<OpenReview>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no link is open for review");
        }
        for review in &self.0 {
            let OpenReview { source, external_id, person_id, candidate_person_id, reason, .. } = review;
            writeln!(f, "{source} {external_id}, of person {person_id}")?;
            writeln!(f, "  may be {candidate_person_id}: {reason}, open for {}", age(review.age_secs))?;
        }
        Ok(())
    }
}

impl fmt::Display for Printed<LinkReport> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LinkReport { source, external_id, from_person_id, to_person_id, reviews_closed, .. } = &self.0;
        if !self.0.written {
            writeln!(f, "nothing was written; this would be done:")?;
        }
        if from_person_id == to_person_id {
            writeln!(f, "{source} {external_id} stays with person {to_person_id}")?;
        } else {
            writeln!(f, "{source} {external_id} moved from person {from_person_id} to {to_person_id}")?;
        }
        let changed = self.0.changed.len();
        writeln!(
            f,
            "{reviews_closed} review(s) closed; values changed for {changed} person(s); both persons announced"
        )
    }
}
