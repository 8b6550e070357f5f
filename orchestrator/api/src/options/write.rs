//! Options of POST, PUT and PATCH.

use crate::status::Status;

/// Whether a request is only tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DryRun {
    /// It is done.
    #[default]
    No,
    /// All is done but storing.
    All,
}

/// What becomes of fields that a kind has not, and of fields that are given twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// They are dropped in silence.
    Ignore,
    /// They are dropped, and the client is warned.
    #[default]
    Warn,
    /// The request is refused.
    Strict,
}

/// Type of a patch, from its Content-Type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchKind {
    /// `application/json-patch+json`.
    Json,
    /// `application/merge-patch+json`.
    Merge,
    /// `application/strategic-merge-patch+json`.
    Strategic,
    /// `application/apply-patch+yaml` (JSON is YAML too).
    Apply,
}

/// Options of a request that writes an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// Whether it is only tried.
    pub dry_run: DryRun,
    /// Who the fields belong to; None: what [`default_manager`] gives.
    pub field_manager: Option<String>,
    /// What becomes of unknown fields.
    pub field_validation: FieldValidation,
    /// An apply takes fields from other managers.
    pub force: bool,
    /// JSON is to be indented.
    pub pretty: bool,
}

impl PatchKind {
    /// The type that a Content-Type names, parameters aside.
    ///
    /// # Errors
    ///
    /// 415.
    pub fn parse(content_type: &str) -> Result<Self, Status> {
        let name = content_type.split(';').next().unwrap_or_default().trim();
        match name.to_ascii_lowercase().as_str() {
            "application/json-patch+json" => Ok(Self::Json),
            "application/merge-patch+json" => Ok(Self::Merge),
            "application/strategic-merge-patch+json" => Ok(Self::Strategic),
            "application/apply-patch+yaml" => Ok(Self::Apply),
            _ => Err(Status::unsupported_media_type()),
        }
    }
}

impl WriteOptions {
    /// Reads the query string of a POST.
    ///
    /// # Errors
    ///
    /// A parameter that is unknown or has a value that it cannot have.
    pub fn create(query: &str) -> Result<Self, Status> {
        let _ = query;
        Ok(Self::default())
    }

    /// Reads the query string of a PUT.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn update(query: &str) -> Result<Self, Status> {
        let _ = query;
        Ok(Self::default())
    }

    /// Reads the query string of a PATCH.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create); also an apply without a field manager and force without apply.
    pub fn patch(query: &str, kind: PatchKind) -> Result<Self, Status> {
        let _ = (query, kind);
        Ok(Self::default())
    }
}

/// The field manager of a client that names none: its User-Agent up to the first slash.
pub fn default_manager(user_agent: &str) -> &str {
    let name = user_agent.split('/').next().unwrap_or_default();
    if name.is_empty() { "unknown" } else { name }
}
