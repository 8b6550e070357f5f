//! A query string, read once.

use crate::status::Status;

/// The parameters of a request.
pub(super) struct Query {
    parameters: Vec<(String, String)>,
}

impl Query {
    pub(super) fn parse(text: &str) -> Result<Self, Status> {
        let parameters =
            form_urlencoded::parse(text.as_bytes()).map(|(k, v)| (k.into_owned(), v.into_owned())).collect();
        Ok(Self { parameters })
    }

    /// The first value of a parameter.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn pretty(&self) -> bool {
        self.value("pretty").is_some_and(|value| !matches!(value, "0" | "false"))
    }

    /// A resourceVersion; empty text is none.
    pub(super) fn version(&self, name: &str) -> Result<Option<u64>, Status> {
        match self.value(name) {
            None | Some("") => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| Status::unreadable_version(text)),
        }
    }
}
