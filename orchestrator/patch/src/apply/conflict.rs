//! Conflicts and their words.

use crate::fields::FieldSet;
use crate::managed::Entry;

/// A field that would change and that another manager owns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    /// Who owns it, as Kubernetes says it: `"curl" using v1`, `"kubectl"`, `"x" with subresource "status" using v1`.
    pub owner: String,
    /// The field: `.spec.template.spec.containers[name="web"].image`.
    pub field: String,
}

impl Conflict {
    /// Message of the Status' cause (reason `FieldManagerConflict`).
    pub fn message(&self) -> String {
        format!("conflict with {}", self.owner)
    }
}

/// Message of a Status about `conflicts`, which are sorted by owner.
pub fn conflict_message(conflicts: &[Conflict]) -> String {
    if let [only] = conflicts {
        return format!("Apply failed with 1 conflict: {}: {}", only.message(), only.field);
    }
    let mut text = format!("Apply failed with {} conflicts:", conflicts.len());
    for same in conflicts.chunk_by(|one, next| one.owner == next.owner) {
        let before = if text.ends_with("conflicts:") { ' ' } else { '\n' };
        text.push(before);
        if let Some(first) = same.first() {
            text.push_str(&format!("conflicts with {}:", first.owner));
        }
        for conflict in same {
            text.push_str("\n- ");
            text.push_str(&conflict.field);
        }
    }
    text
}

/// The conflicts about fields that each entry would lose.
pub(super) fn conflicts(lost: &[(&Entry, FieldSet)]) -> Vec<Conflict> {
    let mut conflicts = Vec::new();
    for (entry, fields) in lost {
        fields.for_each(&mut |path| {
            let field = path.iter().map(ToString::to_string).collect();
            conflicts.push(Conflict { owner: entry.to_string(), field });
        });
    }
    conflicts.sort();
    conflicts
}
