//! What is wrong with a message.

use std::fmt;

/// A message that means nothing. Displays as `vips[3].address: reason`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireError {
    /// The field, from the outermost to the innermost.
    pub field: String,
    /// What is wrong with it and what is expected.
    pub reason: String,
}

impl WireError {
    pub(crate) fn new(reason: impl fmt::Display) -> Self {
        Self { field: String::new(), reason: reason.to_string() }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.reason)
        } else {
            write!(f, "{}: {}", self.field, self.reason)
        }
    }
}

impl std::error::Error for WireError {}

/// Says where an error was.
pub(crate) trait At<T> {
    /// In the field `name`.
    fn at(self, name: &str) -> Result<T, WireError>;

    /// In the item `index` of a list.
    fn item(self, index: usize) -> Result<T, WireError>;
}

impl<T, E: Into<WireError>> At<T> for Result<T, E> {
    fn at(self, name: &str) -> Result<T, WireError> {
        self.map_err(|error| {
            let WireError { field, reason } = error.into();
            let dot = if field.is_empty() || field.starts_with('[') { "" } else { "." };
            WireError { field: format!("{name}{dot}{field}"), reason }
        })
    }

    fn item(self, index: usize) -> Result<T, WireError> {
        self.map_err(|error| {
            let WireError { field, reason } = error.into();
            let dot = if field.is_empty() { "" } else { "." };
            WireError { field: format!("[{index}]{dot}{field}"), reason }
        })
    }
}

impl From<guideway_controller_core::NameError> for WireError {
    fn from(error: guideway_controller_core::NameError) -> Self {
        Self::new(error)
    }
}
