//! Collects what is wrong with a file.

use std::fmt;
use std::sync::Arc;

use crate::error::Problem;

/// More errors than this are counted, not listed: a wrong file of 64 MiB must not fill the log.
const MAX_LISTED: usize = 1000;

/// A place in the file, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Position {
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

/// The path of a field as a chain on the stack, so that a valid file pays nothing for it.
#[derive(Clone, Copy)]
pub(crate) enum Path<'p> {
    Root,
    Field(&'p Path<'p>, &'p str),
    Item(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Path::Root, name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// The errors and warnings found up to now.
pub(crate) struct Sink {
    file: Arc<str>,
    errors: Vec<Problem>,
    unlisted: usize,
    warnings: Vec<Problem>,
}

impl Sink {
    pub(crate) fn new(file: &str) -> Self {
        Self { file: file.into(), errors: Vec::new(), unlisted: 0, warnings: Vec::new() }
    }

    pub(crate) fn error(&mut self, at: Position, path: &Path<'_>, reason: impl fmt::Display) {
        if self.errors.len() == MAX_LISTED {
            self.unlisted += 1;
        } else {
            let problem = self.problem(at, path, &reason);
            self.errors.push(problem);
        }
    }

    pub(crate) fn warning(&mut self, at: Position, path: &Path<'_>, reason: impl fmt::Display) {
        if self.warnings.len() < MAX_LISTED {
            let problem = self.problem(at, path, &reason);
            self.warnings.push(problem);
        }
    }

    /// True when further errors are only counted, so that no work need go into their wording.
    pub(crate) fn is_full(&self) -> bool {
        self.errors.len() == MAX_LISTED
    }

    /// The warnings of a file without errors, or its errors; each in the order of the file.
    pub(crate) fn finish(mut self) -> Result<Vec<Problem>, Vec<Problem>> {
        self.errors.sort_by_key(|problem| (problem.line, problem.column));
        self.warnings.sort_by_key(|problem| (problem.line, problem.column));
        if self.unlisted > 0 {
            let last =
                self.errors.last().map_or(Position::START, |p| Position { line: p.line, column: p.column });
            let reason = format!("{} more errors are not listed", self.unlisted);
            self.errors.push(self.problem(last, &Path::Root, &reason));
        }
        if self.errors.is_empty() { Ok(self.warnings) } else { Err(self.errors) }
    }

    fn problem(&self, at: Position, path: &Path<'_>, reason: &dyn fmt::Display) -> Problem {
        Problem {
            file: Arc::clone(&self.file),
            line: at.line,
            column: at.column,
            field: path.to_string(),
            reason: reason.to_string(),
        }
    }
}
