//! Persona: as Stripe's, in `Persona-Signature`; two sets separated by a space while a secret is being rotated.
//! <https://docs.withpersona.com/webhooks-best-practices#checking-signatures>

use time::OffsetDateTime;

use super::{Disbelief, MAX_SIGNATURES, Signed, stripe};
use crate::secrets::Secrets;

pub(crate) fn verify(request: &Signed<'_>, secrets: &Secrets, now: OffsetDateTime) -> Result<(), Disbelief> {
    let sets = request.header("persona-signature")?.split(' ').take(MAX_SIGNATURES);
    let mut verdict = Err(Disbelief::Signature);
    for set in sets {
        match stripe::verify_set(set, request.body, secrets, now) {
            Ok(()) => return Ok(()),
            Err(Disbelief::Time) => verdict = Err(Disbelief::Time),
            Err(Disbelief::Signature) => {}
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schemes::vectors::{Case, check};

    #[test]
    fn the_published_formula_and_what_is_near_it() {
        check(
            "persona",
            verify,
            300,
            &[Case::header("a foreign set first", "persona-signature", Ok(()), |it| {
                format!("t=1795413600,v1=00ff {it}")
            })],
        );
    }

    #[test]
    fn while_rotating_either_secret_will_do() {
        check("persona-rotating", verify, 300, &[]);
    }
}
