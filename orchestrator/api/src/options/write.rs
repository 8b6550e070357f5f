//! Options of POST, PUT and PATCH.

use guideway_schema::Cause;

use super::query::{Query, refuse};
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
        Self::parse(query, "CreateOptions", None)
    }

    /// Reads the query string of a PUT.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn update(query: &str) -> Result<Self, Status> {
        Self::parse(query, "UpdateOptions", None)
    }

    /// Reads the query string of a PATCH.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create); also an apply without a field manager and force without apply.
    pub fn patch(query: &str, kind: PatchKind) -> Result<Self, Status> {
        Self::parse(query, "PatchOptions", Some(kind))
    }

    fn parse(query: &str, words: &str, patch: Option<PatchKind>) -> Result<Self, Status> {
        let query = Query::parse(query)?;
        let mut causes = Vec::new();
        let force = query.flag("force");
        let options = Self {
            field_manager: query.field_manager(&mut causes),
            dry_run: query.dry_run(&mut causes),
            field_validation: query.field_validation(&mut causes),
            force: force.unwrap_or_default(),
            pretty: query.pretty(),
        };
        match patch {
            Some(PatchKind::Apply) if options.field_manager.is_none() => {
                causes.insert(0, Cause::required("fieldManager", "is required for apply patch"));
            }
            Some(PatchKind::Apply) | None => (),
            Some(_) if force.is_some() => {
                causes.push(Cause::forbidden("force", "may not be specified for non-apply patch"));
            }
            Some(_) => (),
        }
        refuse(words, &causes)?;
        Ok(options)
    }
}

/// The field manager of a client that names none: its User-Agent up to the first slash.
pub fn default_manager(user_agent: &str) -> &str {
    let name = user_agent.split('/').next().unwrap_or_default();
    if name.is_empty() { "unknown" } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_of_clients_are_read() {
        let options =
            WriteOptions::create("fieldManager=kubectl-create&fieldValidation=Strict&dryRun=All").unwrap();
        assert_eq!(options.field_manager.as_deref(), Some("kubectl-create"));
        assert_eq!((options.dry_run, options.field_validation), (DryRun::All, FieldValidation::Strict));
        let kind = PatchKind::parse("application/apply-patch+yaml; charset=utf-8").unwrap();
        assert!(WriteOptions::patch("fieldManager=x&force=true", kind).unwrap().force);
        assert_eq!(default_manager("kubectl/v1.33 (linux)"), "kubectl");
    }

    #[test]
    fn wrong_options_are_refused() {
        let message = |result: Result<WriteOptions, Status>| result.unwrap_err().message.clone();
        assert_eq!(
            message(WriteOptions::patch("", PatchKind::Apply)),
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch"
        );
        assert_eq!(
            message(WriteOptions::patch("force=true", PatchKind::Merge)),
            "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch"
        );
        assert_eq!(
            message(WriteOptions::create("dryRun=some")),
            "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"some\"]: supported values: \"All\""
        );
        for query in ["fieldValidation=Lax", &format!("fieldManager={}", "x".repeat(129)), "unheard=of"] {
            assert!(WriteOptions::update(query).is_err(), "{query}");
        }
        assert_eq!(PatchKind::parse("application/json").unwrap_err().code, 415);
    }
}
