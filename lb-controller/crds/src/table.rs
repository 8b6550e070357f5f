use crate::fields::{Fate, Field, Fields, ListKind, Need, Shape};

/// A field of a kind, for documentation and reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it is, as in `spec.communities[].name`.
    pub path: String,
    /// What it holds.
    pub holds: String,
    /// Its meaning.
    pub about: &'static str,
    /// Whether it must be there.
    pub need: Need,
    /// What becomes of it.
    pub fate: Fate,
}

/// All fields, those of objects within too, in the order of the documentation.
#[must_use]
pub fn rows(fields: &Fields, place: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    walk(fields, place, &mut rows);
    rows
}

fn walk(fields: &Fields, place: &str, rows: &mut Vec<Row>) {
    for field in fields.fields {
        let path = format!("{place}.{}", field.name);
        rows.push(row(field, path.clone()));
        match &field.shape {
            Shape::Object(inner) => walk(inner, &path, rows),
            Shape::List { of: Shape::Object(inner), .. } => walk(inner, &format!("{path}[]"), rows),
            _ => {}
        }
    }
}

fn row(field: &Field, path: String) -> Row {
    Row { path, holds: holds(&field.shape), about: field.about, need: field.need, fate: field.fate }
}

fn holds(shape: &Shape) -> String {
    match shape {
        Shape::Text(format) | Shape::MaybeText(format) => format.describe(),
        Shape::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Shape::Number(min, i64::MAX) => format!("number, {min} or more"),
        Shape::Number(min, max) => format!("number, {min} to {max}"),
        Shape::OneOf(numbers) => numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Shape::Switch => "boolean".to_owned(),
        Shape::Texts => "map of texts".to_owned(),
        Shape::Selector => "label selector".to_owned(),
        Shape::Object(_) => "map".to_owned(),
        Shape::List { of, max, kind, .. } => {
            let once = if *kind == ListKind::Set { ", each once" } else { "" };
            format!("list, at most {max}{once}: {}", holds(of))
        }
    }
}
