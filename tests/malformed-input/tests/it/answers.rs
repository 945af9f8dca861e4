//! Recorded answers, mutated: a lenient reader loses nothing that is unambiguous, and reads nothing that is not there.

use malformed_input::{Answer, check, sso_answers};

/// For each answer, unless the environment has another number for all of them together: `MUTATIONS=1000000`.
const MUTATIONS: u64 = 400;

fn mutations(answers: &[Answer]) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "no setting of a unit")]
    let wanted = std::env::var("MUTATIONS").ok();
    wanted.map_or(MUTATIONS, |wanted| wanted.parse::<u64>().unwrap() / answers.len() as u64)
}

#[test]
fn no_mutation_of_an_identity_provider_s_answer_loses_a_value_or_reads_as_another() {
    let answers = sso_answers();
    let each = mutations(&answers);
    for answer in &answers {
        let good = answer.reading();
        (0..each).for_each(|number| check(answer, &good, number));
    }
    println!("{} mutations", each * answers.len() as u64);
}
