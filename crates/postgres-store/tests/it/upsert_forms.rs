//! How long the upsert of persons takes in the form with one column for each field, which the release before has, and with all
//! fields in one column. Prints ratios: run it with `--run-ignored only --no-capture`.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::database::Database;

const BATCH: usize = 100;
const ROUNDS: usize = 60;

/// Both tables, with the same persons. The third has the trigger that keeps both forms of a person for one release.
const TABLES: &str = "
create table by_column (like person including all);
alter table by_column drop column profile;
create table by_profile (like person including all);
alter table by_profile drop column email, drop column email_verified, drop column given_name, drop column family_name,
    drop column display_name, drop column phone, drop column birthdate, drop column mailing_address;
create table in_both_forms (like person including all);
create trigger person_in_both_forms before insert or update on in_both_forms
    for each row execute function person_in_both_forms();
create function said(number bigint, round bigint) returns table (
    person_id uuid, email text, given_name text, family_name text, phone text, provenance jsonb) language sql immutable as $$
    select md5(number::text)::uuid, 'person' || number || '@example.com', 'Given ' || round, 'Family', '+1202555' || number,
           (select jsonb_object_agg(field, jsonb_build_object('source', 'auth0', 'external_id', 'auth0|' || number, 'rule', 'sso'))
            from unnest(array['email', 'given_name', 'family_name', 'phone']) as field) $$;
insert into by_column (person_id, status, email, email_verified, given_name, family_name, phone, provenance)
    select one.person_id, 'active', email, true, given_name, family_name, phone, provenance
    from generate_series(1, $N) as number, said(number, 0) as one;
insert into by_profile (person_id, status, profile, provenance)
    select one.person_id, 'active', jsonb_build_object('email', email, 'given_name', given_name, 'family_name', family_name,
                                                       'phone', phone), provenance
    from generate_series(1, $N) as number, said(number, 0) as one;
insert into in_both_forms (person_id, status, profile, provenance) select person_id, status, profile, provenance from by_profile;
analyze by_column, by_profile, in_both_forms;
";

/// `$B`: the first person of the batch. `$R`: what its given name ends with; the same as before changes nothing.
const BY_COLUMN: &str = "
insert into by_column as stored (person_id, status, email, email_verified, given_name, family_name, display_name, phone,
                                 birthdate, mailing_address, provenance, merged_into)
select one.person_id, 'active', email, true, given_name, family_name, null, phone, null, null, provenance, null
from generate_series($B, $B + $SIZE - 1) as number, said(number, $R) as one order by one.person_id
on conflict (person_id) do update set
    status = excluded.status, email = excluded.email, email_verified = excluded.email_verified,
    given_name = excluded.given_name, family_name = excluded.family_name, display_name = excluded.display_name,
    phone = excluded.phone, birthdate = excluded.birthdate, mailing_address = excluded.mailing_address,
    provenance = excluded.provenance, merged_into = excluded.merged_into, revision = stored.revision + 1, updated_at = now()
where (stored.status, stored.email, stored.email_verified, stored.given_name, stored.family_name, stored.display_name,
       stored.phone, stored.birthdate, stored.mailing_address, stored.provenance, stored.merged_into)
      is distinct from
      (excluded.status, excluded.email, excluded.email_verified, excluded.given_name, excluded.family_name,
       excluded.display_name, excluded.phone, excluded.birthdate, excluded.mailing_address, excluded.provenance,
       excluded.merged_into)";

const BY_PROFILE: &str = "
insert into $T as stored (person_id, status, profile, provenance, merged_into)
select one.person_id, 'active', jsonb_build_object('email', email, 'given_name', given_name, 'family_name', family_name,
                                                   'phone', phone), provenance, null
from generate_series($B, $B + $SIZE - 1) as number, said(number, $R) as one order by one.person_id
on conflict (person_id) do update set
    status = excluded.status, profile = excluded.profile, provenance = excluded.provenance,
    merged_into = excluded.merged_into, revision = stored.revision + 1, updated_at = now()
where (stored.status, stored.profile, stored.provenance, stored.merged_into)
      is distinct from (excluded.status, excluded.profile, excluded.provenance, excluded.merged_into)";

async fn timed(
    connection: &mut PgConnection,
    sql: &str,
    table: &str,
    first: usize,
    round: usize,
) -> (Duration, u64) {
    let sql = sql.replace("$T", table).replace("$B", &first.to_string()).replace("$R", &round.to_string());
    let sql = sql.replace("$SIZE", &BATCH.to_string());
    let begun = Instant::now();
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.unwrap();
    (begun.elapsed(), done.rows_affected())
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

#[tokio::test]
#[ignore = "a measurement"]
async fn upserts_of_both_forms_are_compared() {
    for persons in [10_000, 1_000_000] {
        compare(persons).await;
    }
}

async fn compare(persons: usize) {
    let db = Database::start().await;
    let mut connection = PgConnection::connect(&db.direct).await.unwrap();
    sqlx::raw_sql("set synchronous_commit = off").execute(&mut connection).await.unwrap();
    let tables = TABLES.replace("$N", &persons.to_string());
    sqlx::raw_sql(AssertSqlSafe(tables)).execute(&mut connection).await.unwrap();
    for (what, changes) in [("changed persons", true), ("unchanged persons", false)] {
        let (mut by_column, mut by_profile, mut both) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let first = 1 + (round * 7919 * BATCH) % (persons - BATCH);
            // Once unmeasured, so that every form finds its pages in memory.
            for (sql, table, times) in [
                (BY_COLUMN, "by_column", &mut by_column),
                (BY_PROFILE, "by_profile", &mut by_profile),
                (BY_PROFILE, "in_both_forms", &mut both),
            ] {
                timed(&mut connection, sql, table, first, 1000 + round).await;
                let next = if changes { 2000 + round } else { 1000 + round };
                let (time, written) = timed(&mut connection, sql, table, first, next).await;
                assert_eq!(written, if changes { BATCH as u64 } else { 0 }, "{table}");
                times.push(time);
            }
        }
        let (by_column, by_profile, both) = (median(by_column), median(by_profile), median(both));
        println!(
            "{persons} persons, batches of {BATCH}, {what}: one column for all fields takes {:.2} of the time of one \
             column for each; with the trigger {:.2}",
            by_profile / by_column,
            both / by_column
        );
    }
    for table in ["by_column", "by_profile", "in_both_forms"] {
        let size = format!("select pg_relation_size('{table}')");
        println!(
            "{table}: {} bytes for each person",
            db.count(&size).await / i64::try_from(persons).unwrap()
        );
    }
}
