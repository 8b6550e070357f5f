use crate::{Identity, Status, refusal};

/// What a request wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes<'a> {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection` and the like; for a path that is no
    /// resource the HTTP method in lower case.
    pub verb: &'a str,
    /// With what.
    pub target: Target<'a>,
}

/// With what a request wants to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// Objects.
    Resource(ResourceAttributes<'a>),
    /// Another path of the server, for example `/healthz`.
    Path(&'a str),
}

/// The objects of a request. Every field may be empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResourceAttributes<'a> {
    /// The API group, `""` for the core group.
    pub group: &'a str,
    /// The version, which no rule looks at.
    pub version: &'a str,
    /// The plural name of the resource.
    pub resource: &'a str,
    /// For example `status`.
    pub subresource: &'a str,
    /// The namespace, empty for the whole cluster.
    pub namespace: &'a str,
    /// The object, empty for all of them (and for one that is still to be named).
    pub name: &'a str,
}

impl Attributes<'_> {
    /// The refusal of a request for want of rights, in Kubernetes' words. `reason` is [`Decision::reason`](super::Decision).
    #[must_use]
    pub fn forbidden(&self, who: &Identity, reason: &str) -> Status {
        let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        match self.target {
            Target::Path(path) => {
                let why = format!("User {:?} cannot {} path {path:?}{reason}", who.name, self.verb);
                refusal::forbidden("", "", "", why)
            }
            Target::Resource(to) => {
                let slash = if to.subresource.is_empty() { "" } else { "/" };
                let scope = if to.namespace.is_empty() {
                    "at the cluster scope".to_owned()
                } else {
                    format!("in the namespace {:?}", to.namespace)
                };
                let why = format!(
                    "User {:?} cannot {} resource \"{}{slash}{}\" in API group {:?} {scope}{reason}",
                    who.name, self.verb, to.resource, to.subresource, to.group
                );
                refusal::forbidden(to.group, to.resource, to.name, why)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_the_words_of_kubernetes() {
        let who = Identity::user("x", &[]);
        let pods = ResourceAttributes { resource: "pods", namespace: "default", ..Default::default() };
        let cases = [
            (
                Attributes { verb: "list", target: Target::Resource(pods) },
                r#"pods is forbidden: User "x" cannot list resource "pods" in API group "" in the namespace "default""#,
            ),
            (
                Attributes {
                    verb: "update",
                    target: Target::Resource(ResourceAttributes {
                        group: "apps",
                        resource: "deployments",
                        subresource: "scale",
                        name: "web",
                        ..Default::default()
                    }),
                },
                r#"deployments.apps "web" is forbidden: User "x" cannot update resource "deployments/scale" in API group "apps" at the cluster scope"#,
            ),
            (
                Attributes { verb: "get", target: Target::Path("/metrics") },
                r#"forbidden: User "x" cannot get path "/metrics""#,
            ),
        ];
        for (attributes, words) in cases {
            assert_eq!(attributes.forbidden(&who, "").message, words);
        }
    }
}
