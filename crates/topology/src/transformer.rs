//! The input transformer of a rule, from the paths that its route keeps.

use std::fmt::Write as _;

/// What a rule keeps of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transformer {
    /// Variables, and the paths that they have the values of.
    pub paths: Vec<(String, String)>,
    /// The text with the variables.
    pub template: String,
}

/// The envelope, which every rule keeps: a field, and its variable.
const ENVELOPE: [(&str, &str); 4] =
    [("id", "id"), ("detail-type", "detailType"), ("source", "source"), ("time", "time")];

/// A part of `detail` that is kept.
#[derive(Debug, Default)]
struct Node {
    variable: Option<String>,
    /// In the order of the paths. An entry of a list has the name `[0]`.
    below: Vec<(String, Self)>,
}

impl Transformer {
    /// Keeps the envelope and these paths below `detail`.
    pub fn keeping(keeps: &[&str]) -> Self {
        let mut paths: Vec<(String, String)> =
            ENVELOPE.iter().map(|(field, variable)| ((*variable).to_owned(), format!("$.{field}"))).collect();
        let mut detail = Node::default();
        for path in keeps {
            let variable = variable(path);
            paths.push((variable.clone(), format!("$.detail.{path}")));
            detail.insert(&steps(path), variable);
        }
        let envelope: String =
            ENVELOPE.iter().map(|(field, variable)| format!("\"{field}\": <{variable}>, ")).collect();
        let mut template = format!("{{\"version\": \"0\", {envelope}\"detail\": ");
        detail.write(&mut template);
        template.push('}');
        Self { paths, template }
    }
}

/// `target[0].id` → `detail-target-0-id`.
fn variable(path: &str) -> String {
    let words = path.split(['.', '[', ']']).filter(|word| !word.is_empty());
    words.fold(String::from("detail"), |name, word| format!("{name}-{word}"))
}

/// `target[0].id` → `target`, `[0]`, `id`.
fn steps(path: &str) -> Vec<&str> {
    path.split('.')
        .flat_map(|step| match step.find('[') {
            Some(at) => vec![&step[..at], &step[at..]],
            None => vec![step],
        })
        .collect()
}

impl Node {
    fn insert(&mut self, steps: &[&str], variable: String) {
        let Some((first, rest)) = steps.split_first() else {
            self.variable = Some(variable);
            return;
        };
        let place = self.below.iter().position(|(name, _)| name == first).unwrap_or_else(|| {
            self.below.push(((*first).to_owned(), Self::default()));
            self.below.len() - 1
        });
        self.below[place].1.insert(rest, variable);
    }

    fn write(&self, into: &mut String) {
        if let Some(variable) = &self.variable {
            let _ = write!(into, "<{variable}>");
            return;
        }
        // Without any path, `detail` is an empty object.
        let is_list = self.below.iter().all(|(name, _)| name.starts_with('[')) && !self.below.is_empty();
        into.push(if is_list { '[' } else { '{' });
        for (place, (name, node)) in self.below.iter().enumerate() {
            if place > 0 {
                into.push_str(", ");
            }
            if !is_list {
                let _ = write!(into, "\"{name}\": ");
            }
            node.write(into);
        }
        into.push(if is_list { ']' } else { '}' });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paths_become_variables_and_the_same_structure() {
        let made =
            Transformer::keeping(&["uuid", "actor.id", "target[0].id", "target[0].type", "actor.type"]);
        let detail = r#"{"uuid": <detail-uuid>, "actor": {"id": <detail-actor-id>, "type": <detail-actor-type>}, "target": [{"id": <detail-target-0-id>, "type": <detail-target-0-type>}]}"#;
        assert_eq!(
            made.template,
            format!(
                r#"{{"version": "0", "id": <id>, "detail-type": <detailType>, "source": <source>, "time": <time>, "detail": {detail}}}"#
            )
        );
        assert!(made.paths.contains(&("detail-target-0-id".into(), "$.detail.target[0].id".into())));
        assert_eq!(made.paths.len(), 4 + 5);
    }
}
