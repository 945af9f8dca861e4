//! The part of SOQL that the simulator understands: `SELECT fields FROM Contact`, then `WHERE` with conditions joined by `AND`,
//! `ORDER BY SystemModstamp, Id` or `ORDER BY Id`, and `LIMIT`. Anything else is `MALFORMED_QUERY`.

use std::cmp::Ordering;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::contact::{SimulatedContact, full_id};
use super::refusal::{Refusal, check_fields};

/// A query of contacts.
#[derive(Debug)]
pub(crate) struct Soql {
    pub(crate) fields: Vec<String>,
    conditions: Vec<Condition>,
    pub(crate) order: Order,
    pub(crate) limit: Option<usize>,
}

/// The order of contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    None,
    Id,
    /// `SystemModstamp, Id`.
    Modstamp,
}

/// A comparison of a field: with one value, or with any of several.
#[derive(Debug)]
struct Condition {
    field: String,
    operator: String,
    values: Vec<Literal>,
}

#[derive(Debug)]
enum Literal {
    Text(String),
    Time(OffsetDateTime),
    /// `true`, `false`, `null`.
    Other(Value),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(String),
}

/// What is still to be read, in reverse.
struct Tokens(Vec<Token>);

impl Soql {
    pub(crate) fn parse(query: &str) -> Result<Self, Refusal> {
        let mut tokens = Tokens(split(query).ok_or_else(|| malformed(query))?);
        let soql = tokens.query().filter(|_| tokens.0.is_empty()).ok_or_else(|| malformed(query))?;
        check_fields(soql.fields.iter().chain(soql.conditions.iter().map(|condition| &condition.field)))?;
        Ok(soql)
    }

    pub(crate) fn matches(&self, contact: &SimulatedContact) -> bool {
        self.conditions.iter().all(|condition| condition.holds(contact))
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        let values = self.conditions.iter().flat_map(|condition| &condition.values);
        let texts =
            values.filter_map(|value| if let Literal::Text(text) = value { Some(text) } else { None });
        texts.cloned().collect()
    }
}

impl Condition {
    fn holds(&self, contact: &SimulatedContact) -> bool {
        let any = |wanted: fn(Ordering) -> bool| {
            self.values.iter().any(|value| value.compare(contact, &self.field).is_some_and(wanted))
        };
        match self.operator.as_str() {
            "IN" | "=" => any(Ordering::is_eq),
            "!=" => !any(Ordering::is_eq),
            ">" => any(Ordering::is_gt),
            ">=" => any(Ordering::is_ge),
            "<" => any(Ordering::is_lt),
            _ => any(Ordering::is_le),
        }
    }
}

impl Literal {
    /// How the contact's field compares with this; `None` when they cannot be compared.
    fn compare(&self, contact: &SimulatedContact, field: &str) -> Option<Ordering> {
        match (self, field) {
            (Self::Time(time), "CreatedDate") => Some(contact.created_date.cmp(time)),
            (Self::Time(time), "SystemModstamp" | "LastModifiedDate") => {
                Some(contact.system_modstamp.cmp(time))
            }
            (Self::Time(_), _) => None,
            (Self::Text(text), "Id" | "MasterRecordId") => {
                Some(contact.value(field)?.as_str()?.cmp(full_id(text).as_str()))
            }
            (Self::Text(text), _) => Some(contact.value(field)?.as_str()?.cmp(text.as_str())),
            (Self::Other(value), _) => (contact.value(field)? == *value).then_some(Ordering::Equal),
        }
    }
}

impl Tokens {
    fn query(&mut self) -> Option<Soql> {
        self.keyword("SELECT")?;
        let fields = self.list(Self::word)?;
        self.keyword("FROM")?;
        self.keyword("Contact")?;
        let mut conditions = Vec::new();
        if self.keyword("WHERE").is_some() {
            conditions.push(self.condition()?);
            while self.keyword("AND").is_some() {
                conditions.push(self.condition()?);
            }
        }
        let order = if self.keyword("ORDER").is_some() { self.order()? } else { Order::None };
        let limit = match self.keyword("LIMIT") {
            Some(()) => Some(self.word()?.parse().ok()?),
            None => None,
        };
        Some(Soql { fields, conditions, order, limit })
    }

    fn order(&mut self) -> Option<Order> {
        self.keyword("BY")?;
        let fields = self.list(|tokens| {
            let field = tokens.word()?;
            tokens.keyword("ASC");
            Some(field)
        })?;
        match fields.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["Id"] => Some(Order::Id),
            ["SystemModstamp", "Id"] => Some(Order::Modstamp),
            _ => None,
        }
    }

    fn condition(&mut self) -> Option<Condition> {
        let field = self.word()?;
        if self.keyword("IN").is_some() {
            self.sign("(")?;
            let values = self.list(Self::literal)?;
            self.sign(")")?;
            return Some(Condition { field, operator: "IN".to_owned(), values });
        }
        let Token::Sign(operator) = self.0.pop()? else { return None };
        ["=", "!=", ">", ">=", "<", "<="].contains(&operator.as_str()).then_some(())?;
        Some(Condition { field, operator, values: vec![self.literal()?] })
    }

    fn literal(&mut self) -> Option<Literal> {
        match self.0.pop()? {
            Token::Text(text) => Some(Literal::Text(text)),
            Token::Word(word) => match word.to_lowercase().as_str() {
                "true" => Some(Literal::Other(true.into())),
                "false" => Some(Literal::Other(false.into())),
                "null" => Some(Literal::Other(Value::Null)),
                // The offset may lack its colon, as in what the API writes.
                _ => {
                    OffsetDateTime::parse(&word.replace("+0000", "+00:00"), &Rfc3339).ok().map(Literal::Time)
                }
            },
            Token::Sign(_) => None,
        }
    }

    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.sign(",").is_some() {
            items.push(item(self)?);
        }
        Some(items)
    }

    fn word(&mut self) -> Option<String> {
        if let Token::Word(word) = self.0.pop()? { Some(word) } else { None }
    }

    fn keyword(&mut self, keyword: &str) -> Option<()> {
        self.next_if(|token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(keyword)))
    }

    fn sign(&mut self, sign: &str) -> Option<()> {
        self.next_if(|token| matches!(token, Token::Sign(found) if found == sign))
    }

    fn next_if(&mut self, wanted: impl Fn(&Token) -> bool) -> Option<()> {
        self.0.pop_if(|token| wanted(token)).map(drop)
    }
}

/// The tokens of a query in reverse; `None` when a quote is not closed.
fn split(query: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = query.chars().peekable();
    while let Some(first) = rest.next() {
        let word = |c: &char| c.is_alphanumeric() || "_.:-+".contains(*c);
        if first.is_whitespace() {
            continue;
        } else if first == '\'' {
            let mut text = String::new();
            loop {
                match rest.next()? {
                    '\'' => break,
                    '\\' => text.push(rest.next()?),
                    c => text.push(c),
                }
            }
            tokens.push(Token::Text(text));
        } else if word(&first) {
            let mut text = String::from(first);
            while let Some(next) = rest.next_if(word) {
                text.push(next);
            }
            tokens.push(Token::Word(text));
        } else {
            let mut sign = String::from(first);
            if "<>!".contains(first) {
                sign.extend(rest.next_if_eq(&'='));
            }
            tokens.push(Token::Sign(sign));
        }
    }
    tokens.reverse();
    Some(tokens)
}

fn malformed(query: &str) -> Refusal {
    Refusal::bad("MALFORMED_QUERY", format!("unexpected token, or unsupported by the simulator: {query}"))
}
