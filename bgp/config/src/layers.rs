//! Maps of which the first that has a field gives it: a peer, its template, the defaults.

use crate::fields::{Found, Problem, Section};
use crate::yaml::{Node, Value};

/// Some maps, the most specific one first.
pub struct Layers<'a> {
    sections: Vec<Section<'a>>,
}

impl<'a> Layers<'a> {
    /// These maps; the first one is the one that problems are about when nobody has a field.
    #[must_use]
    pub fn new(sections: Vec<Section<'a>>) -> Self {
        Self { sections }
    }

    /// The node of a field, and how it is called in messages.
    pub fn node(&mut self, field: &'static str) -> Option<(&'a Node, String)> {
        let mut found = None;
        // All are asked, so that the field is known to all.
        for section in &mut self.sections {
            let name = section.name(field);
            let node = section.node(field);
            found = found.or(node.map(|node| (node, name)));
        }
        found
    }

    /// The value of a field that may be left out.
    pub fn optional<T>(
        &mut self,
        field: &'static str,
        problems: &mut Vec<Problem>,
        parse: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<Found<T>> {
        let (node, name) = self.node(field)?;
        match parse(&node.value) {
            Ok(value) => Some(Found { line: node.line, value }),
            Err(reason) => {
                problems.push(Problem { line: node.line, field: name, reason });
                None
            }
        }
    }

    /// The value of a field that must be there.
    pub fn required<T>(
        &mut self,
        field: &'static str,
        problems: &mut Vec<Problem>,
        parse: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<Found<T>> {
        let before = problems.len();
        let found = self.optional(field, problems, parse);
        if found.is_none() && problems.len() == before {
            problems.push(self.problem(field, "is required and missing"));
        }
        found
    }

    /// A problem with a field of the most specific map, at its line.
    #[must_use]
    pub fn problem(&self, field: &str, reason: impl Into<String>) -> Problem {
        let (line, field) = self
            .sections
            .first()
            .map_or((0, field.to_owned()), |section| (section.line(), section.name(field)));
        Problem { line, field, reason: reason.into() }
    }

    /// Reports every field of the most specific map that nobody took. The others stand behind many peers: what they have in
    /// excess is told once, by who reads them by themselves.
    pub fn close(self, problems: &mut Vec<Problem>) {
        if let Some(section) = self.sections.into_iter().next() {
            section.close(problems);
        }
    }
}
