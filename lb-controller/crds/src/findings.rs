use crate::formats::Wrong;
use crate::{FieldError, FieldNote};

/// More findings of an object than this are not listed.
const MAX: usize = 200;

/// What is wrong with an object, and what is worth knowing.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    errors: Vec<FieldError>,
    notes: Vec<FieldNote>,
}

impl Findings {
    pub(crate) fn error(
        &mut self,
        place: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        if self.errors.len() < MAX {
            self.errors.push(FieldError {
                place: place.into(),
                problem: problem.into(),
                remedy: remedy.into(),
            });
        }
    }

    pub(crate) fn wrong(&mut self, place: impl Into<String>, wrong: Wrong) {
        self.error(place, wrong.problem, wrong.remedy);
    }

    pub(crate) fn note(&mut self, place: impl Into<String>, text: impl Into<String>) {
        if self.notes.len() < MAX {
            self.notes.push(FieldNote { place: place.into(), text: text.into() });
        }
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }

    /// Errors and notes, each in the order of the places.
    pub(crate) fn into_parts(mut self) -> (Vec<FieldError>, Vec<FieldNote>) {
        self.errors.sort();
        self.errors.dedup();
        self.notes.sort();
        self.notes.dedup();
        (self.errors, self.notes)
    }
}
