//! Recorded answers, mutated: a lenient reader loses nothing that is unambiguous, and reads nothing that is not there.

use malformed_input::{Answer, check, content_answers, crm_answers, identity_answers, sso_answers};

/// For each answer, unless the environment has another number for all answers of a test: `MUTATIONS=1000000`.
const MUTATIONS: u64 = 400;

fn keep_their_values(answers: &[Answer]) {
    #[expect(clippy::disallowed_methods, reason = "no setting of a unit")]
    let wanted = std::env::var("MUTATIONS").ok();
    let each = wanted.map_or(MUTATIONS, |wanted| wanted.parse::<u64>().unwrap() / answers.len() as u64);
    for answer in answers {
        let good = answer.reading();
        (0..each).for_each(|number| check(answer, &good, number));
    }
    println!("{} mutations of {} answers", each * answers.len() as u64, answers.len());
}

#[test]
fn no_mutation_of_an_identity_provider_s_answer_loses_a_value_or_reads_as_another() {
    keep_their_values(&sso_answers());
}

#[test]
fn no_mutation_of_a_crm_s_answer_loses_a_value_or_reads_as_another() {
    keep_their_values(&crm_answers());
}

#[test]
fn no_mutation_of_an_identity_verification_s_answer_loses_a_value_or_reads_as_another() {
    keep_their_values(&identity_answers());
}

#[test]
fn no_mutation_of_a_cms_s_answer_loses_a_value_or_reads_as_another() {
    keep_their_values(&content_answers());
}
