use crate::rbac::{Attributes, Decision, Index};
use crate::{Identity, MASTERS, Objects, Status, node};

/// May `who` do this? Members of [`MASTERS`] may do everything; nodes may do what belongs to their pods; for everything
/// else, and for everyone else, roles decide.
#[must_use]
pub fn authorize(
    index: &Index,
    objects: &dyn Objects,
    who: &Identity,
    attributes: &Attributes<'_>,
) -> Decision {
    if who.is_in(MASTERS) {
        return Decision { allowed: true, reason: String::new() };
    }
    if let Some(name) = who.node() {
        match node::authorize(objects, name, attributes) {
            Ok(()) => return Decision { allowed: true, reason: String::new() },
            Err(reason) => {
                let by_role = index.authorize(who, attributes);
                let reason = if by_role.allowed || reason.is_empty() { by_role.reason } else { reason };
                return Decision { reason, ..by_role };
            }
        }
    }
    index.authorize(who, attributes)
}

/// The same for the server's pipeline: nothing, or the refusal to send.
///
/// # Errors
///
/// 403: `who` may not do this.
pub fn require(
    index: &Index,
    objects: &dyn Objects,
    who: &Identity,
    attributes: &Attributes<'_>,
) -> Result<(), Status> {
    let decision = authorize(index, objects, who, attributes);
    if decision.allowed { Ok(()) } else { Err(attributes.forbidden(who, &decision.reason)) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rbac::{ResourceAttributes, Target};

    #[test]
    fn masters_need_no_role_and_others_do() {
        let to = ResourceAttributes { resource: "pods", namespace: "default", ..Default::default() };
        let attributes = Attributes { verb: "delete", target: Target::Resource(to) };
        let index = Index::default();
        assert!(require(&index, &(), &Identity::user("root", &[MASTERS]), &attributes).is_ok());
        let refusal = require(&index, &(), &Identity::user("alice", &[]), &attributes).unwrap_err();
        assert_eq!(
            refusal.to_value(),
            json!({
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Failure",
                "message": "pods is forbidden: User \"alice\" cannot delete resource \"pods\" in API group \"\" in the namespace \"default\"",
                "reason": "Forbidden",
                "details": {"kind": "pods"},
                "code": 403,
            })
        );
    }
}
