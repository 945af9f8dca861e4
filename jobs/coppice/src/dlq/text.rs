//! The reports of `dlq` as text.

use std::fmt;

use job_process::{age, instant, printable};
use operations::dlq::{
    AttemptReport, DlqReport, MessageGroup, MessageReport, MoveReport, PlanProgress, PlanReport,
    RecordComparison, action_name,
};
use postgres_store::RedriveAction;
use time::OffsetDateTime;

use crate::printed::Printed;

impl fmt::Display for Printed<Vec<DlqReport>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|dlq| write_dlq(f, dlq))
    }
}

fn write_dlq(f: &mut fmt::Formatter<'_>, dlq: &DlqReport) -> fmt::Result {
    let DlqReport { unit, messages, messages_read, oldest_secs, first_expires_in_secs, groups } = dlq;
    if *messages == 0 && groups.is_empty() {
        return writeln!(f, "{unit}: no messages");
    }
    write!(f, "{unit}: {messages} message(s)")?;
    if let (Some(oldest), Some(expires)) = (oldest_secs, first_expires_in_secs) {
        write!(f, ", oldest {}, the first expires in {}", age(*oldest), age(*expires))?;
    }
    if *messages > *messages_read as u64 {
        write!(f, "; {messages_read} read")?;
    }
    writeln!(f)?;
    let rows: Vec<[String; 6]> = groups.iter().map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let width = |column: usize| {
        let texts = rows.iter().map(|row| row[column].as_str()).chain([HEADS[column]]);
        texts.map(|text| text.chars().count()).max().unwrap_or_default()
    };
    let widths: [usize; 6] = std::array::from_fn(width);
    let heads = HEADS.map(String::from);
    for row in [&heads].into_iter().chain(&rows) {
        let line =
            row.iter().zip(widths).map(|(text, width)| format!("  {text:<width$}")).collect::<String>();
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

const HEADS: [&str; 6] = ["messages", "class", "event type", "worker version", "records", "redriven before"];

fn row(group: &MessageGroup) -> [String; 6] {
    let MessageGroup { class, event_type, worker_version, messages, records, redriven_before } = group;
    let or = |text: &str, absent: &str| if text == "-" { absent.to_owned() } else { text.to_owned() };
    [
        messages.to_string(),
        class.clone(),
        or(event_type, "event type unknown"),
        or(worker_version, "no worker"),
        records.to_string(),
        redriven_before.to_string(),
    ]
}

impl fmt::Display for Printed<MessageReport> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MessageReport { message, whereabouts, failures, records, body } = &self.0;
        writeln!(f, "message {}, received by the unit as {}", message.message_id, message.original_id)?;
        if let Some(whereabouts) = whereabouts {
            writeln!(f, "  {whereabouts}")?;
        }
        writeln!(f, "  why       {}: {}", message.class, message.detail.as_deref().unwrap_or("no detail"))?;
        let since = (OffsetDateTime::now_utc() - message.first_sent_at).whole_seconds();
        writeln!(f, "  sent      {}, {} ago", instant(message.first_sent_at), age(since))?;
        let version = message.worker_version.as_deref().unwrap_or("-");
        let attempts = message.attempts.as_deref().unwrap_or("-");
        let again = if message.redriven_before { ", after a redrive" } else { "" };
        writeln!(f, "  worker    version {version}, {attempts} attempt(s){again}")?;
        if let (Some(source), Some(kind)) = (&message.event_source, &message.event_type) {
            writeln!(f, "  event     {kind} from {source}")?;
        }
        for AttemptReport { failed_at, class, detail, worker_version } in failures {
            let at = instant(*failed_at);
            writeln!(f, "  failed    {at}  {class}: {detail} (worker {worker_version})")?;
        }
        for RecordComparison { source, id, person_id, here, there, verdict } in records {
            let person = person_id.map_or(String::from("not linked"), |id| format!("of person {id}"));
            writeln!(f, "  record    {source} {id}, {person}")?;
            writeln!(f, "            here:  {here}")?;
            writeln!(f, "            there: {there}")?;
            writeln!(f, "            {verdict}")?;
        }
        if let Some(body) = body {
            writeln!(f, "  body      {}", printable(body).replace('\n', " "))?;
        }
        Ok(())
    }
}

impl fmt::Display for Printed<PlanReport> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PlanReport { plan_id, action, unit, messages, to_send, others, oldest_secs, by_class, .. } =
            &self.0;
        let name = action_name(*action);
        if *messages == 0 {
            return writeln!(
                f,
                "nothing to {name}: none of {others} dead-lettered message(s) of {unit} is selected"
            );
        }
        let oldest = age(oldest_secs.unwrap_or_default());
        writeln!(
            f,
            "plan {plan_id}: {name} {messages} dead-lettered message(s) of {unit}, the oldest {oldest} old"
        )?;
        by_class.iter().try_for_each(|(class, count)| writeln!(f, "  {count:>6}  {class}"))?;
        match action {
            RedriveAction::Redrive => {
                writeln!(
                    f,
                    "nothing was sent yet. The plan sends {to_send} message(s), because messages about one record become one; {others} other message(s) stay in the DLQ"
                )?;
            }
            RedriveAction::Drop => writeln!(
                f,
                "nothing was deleted yet. The plan deletes them, and Postgres keeps copies until `coppice retention` deletes those; {others} other message(s) stay in the DLQ"
            )?,
        }
        writeln!(f, "to run it: coppice dlq {name} --plan {plan_id} --yes")
    }
}

impl fmt::Display for Printed<PlanProgress> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PlanProgress {
            plan_id, unit, action, messages, messages_deleted, to_send, sent, handled, ..
        } = &self.0;
        writeln!(f, "plan {plan_id}: {} of {unit}", action_name(*action))?;
        if *action == RedriveAction::Redrive {
            let again = self.0.dead_lettered_again;
            let waiting = sent - handled - again;
            writeln!(
                f,
                "  {sent} of {to_send} message(s) sent: {handled} handled, {again} dead-lettered again, {waiting} not known yet"
            )?;
        }
        writeln!(f, "  {messages_deleted} of {messages} dead-lettered message(s) deleted")
    }
}

impl fmt::Display for Printed<MoveReport> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MoveReport { unit, status, moved, to_move } = &self.0;
        let all = to_move.map_or(String::from("?"), |all| all.to_string());
        match status.as_str() {
            "NOT STARTED" => writeln!(
                f,
                "nothing was moved; {all} dead-lettered message(s) of {unit} would be. To move them: coppice dlq move-all {unit} --yes"
            ),
            _ => writeln!(f, "{moved} of {all} dead-lettered message(s) of {unit} moved back: {status}"),
        }
    }
}
