use serde_json::Value;

/// A role binding or cluster role binding, in the form that questions need.
#[derive(Debug)]
pub(super) struct Binding {
    /// The namespace, empty for a cluster role binding.
    pub(super) namespace: Box<str>,
    pub(super) name: Box<str>,
    pub(super) role: RoleRef,
    pub(super) subjects: Vec<Subject>,
}

/// Which role a binding gives.
#[derive(Debug)]
pub(super) struct RoleRef {
    pub(super) kind: Box<str>,
    pub(super) name: Box<str>,
}

/// To whom a binding gives it.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) kind: SubjectKind,
    /// The name of the user (of a service account: `system:serviceaccount:…`) or group.
    pub(super) who: Box<str>,
    /// As Kubernetes describes it in the reason of a review.
    words: Box<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SubjectKind {
    User,
    Group,
}

impl Binding {
    /// Under which namespace the role is found, `""` for a cluster role. A binding of the cluster has no namespace to
    /// find a `Role` in.
    pub(super) fn role_namespace(&self) -> Option<&str> {
        match &*self.role.kind {
            "ClusterRole" => Some(""),
            "Role" if !self.namespace.is_empty() => Some(&self.namespace),
            _ => None,
        }
    }

    /// `namespace` is empty for a cluster role binding.
    pub(super) fn new(namespace: &str, object: &Value) -> Self {
        let subjects = object["subjects"].as_array().map(Vec::as_slice).unwrap_or_default();
        Self {
            namespace: namespace.into(),
            name: text(&object["metadata"]["name"]).into(),
            role: RoleRef {
                kind: text(&object["roleRef"]["kind"]).into(),
                name: text(&object["roleRef"]["name"]).into(),
            },
            subjects: subjects.iter().filter_map(|subject| Subject::new(namespace, subject)).collect(),
        }
    }

    /// Why something is allowed.
    pub(super) fn reason(&self, subject: &Subject) -> String {
        let (kind, slash) =
            if self.namespace.is_empty() { ("ClusterRoleBinding", "") } else { ("RoleBinding", "/") };
        format!(
            "RBAC: allowed by {kind} \"{}{slash}{}\" of {} {:?} to {}",
            self.name, self.namespace, self.role.kind, self.role.name, subject.words
        )
    }
}

impl Subject {
    fn new(namespace: &str, subject: &Value) -> Option<Self> {
        let kind = text(&subject["kind"]);
        let name = text(&subject["name"]);
        if name.is_empty() {
            return None;
        }
        match kind {
            "User" => Some(Self::plain(SubjectKind::User, kind, name)),
            "Group" => Some(Self::plain(SubjectKind::Group, kind, name)),
            "ServiceAccount" => {
                let own = text(&subject["namespace"]);
                let namespace = if own.is_empty() { namespace } else { own };
                (!namespace.is_empty()).then(|| Self {
                    kind: SubjectKind::User,
                    who: format!("system:serviceaccount:{namespace}:{name}").into(),
                    words: format!("ServiceAccount \"{name}/{namespace}\"").into(),
                })
            }
            _ => None,
        }
    }

    fn plain(of: SubjectKind, kind: &str, name: &str) -> Self {
        Self { kind: of, who: name.into(), words: format!("{kind} {name:?}").into() }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
