//! The person on a document.

use time::Date;

/// What a provider has read from documents: personal values, made up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedPerson {
    /// First name.
    pub given_name: String,
    /// Last name.
    pub family_name: String,
    /// Date of birth.
    pub birthdate: Date,
    /// Address.
    pub email: String,
}

impl SimulatedPerson {
    /// A person with an address that is made of the name.
    pub fn new(given_name: &str, family_name: &str, birthdate: Date) -> Self {
        let email = format!("{given_name}.{family_name}@example.org").to_lowercase();
        Self { given_name: given_name.to_owned(), family_name: family_name.to_owned(), birthdate, email }
    }

    /// The values that must be in no queue, internal event or log line.
    pub fn personal_values(&self) -> Vec<String> {
        let birthdate = self.birthdate.to_string();
        vec![self.given_name.clone(), self.family_name.clone(), birthdate, self.email.clone()]
    }
}
