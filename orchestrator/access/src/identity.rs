use std::collections::BTreeMap;

/// The group of everyone who proved who they are.
pub const AUTHENTICATED: &str = "system:authenticated";
/// The group of everyone who did not.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";
/// The name of whoever sent no credentials.
pub const ANONYMOUS: &str = "system:anonymous";
/// The group that may do everything, whatever roles and bindings say.
pub const MASTERS: &str = "system:masters";
/// The group of nodes.
pub const NODES: &str = "system:nodes";

/// Who sends a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The user's name, for example `alice` or `system:serviceaccount:default:builder`.
    pub name: String,
    /// What tells users of one name apart over time. Empty when the credentials do not say it.
    pub uid: String,
    /// The groups, in the order of the credentials.
    pub groups: Vec<String>,
    /// More of what the credentials say, for example the pod that a token is bound to.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl Identity {
    /// A request without credentials.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { name: ANONYMOUS.to_owned(), groups: vec![UNAUTHENTICATED.to_owned()], ..Self::default() }
    }

    /// A user of this name in these groups, and in [`AUTHENTICATED`].
    #[must_use]
    pub fn user(name: &str, groups: &[&str]) -> Self {
        let mut groups: Vec<String> = groups.iter().map(|&group| group.to_owned()).collect();
        if !groups.iter().any(|group| group == AUTHENTICATED) {
            groups.push(AUTHENTICATED.to_owned());
        }
        Self { name: name.to_owned(), groups, ..Self::default() }
    }

    /// The service account `name` of `namespace`.
    #[must_use]
    pub fn service_account(namespace: &str, name: &str, uid: &str) -> Self {
        let mut identity = Self::user(
            &format!("system:serviceaccount:{namespace}:{name}"),
            &["system:serviceaccounts", &format!("system:serviceaccounts:{namespace}")],
        );
        uid.clone_into(&mut identity.uid);
        identity
    }

    /// Is the user in this group?
    #[must_use]
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|own| own == group)
    }

    /// The name of the node that this is, if it is one: `system:node:NAME` in the group [`NODES`].
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        let name = self.name.strip_prefix("system:node:")?;
        (!name.is_empty() && self.is_in(NODES)).then_some(name)
    }
}

/// Namespace and name of the service account that a user name of the form `system:serviceaccount:NAMESPACE:NAME` says.
#[must_use]
pub fn service_account_of(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_accounts_have_names_and_groups() {
        let identity = Identity::service_account("default", "builder", "u1");
        assert_eq!(identity.name, "system:serviceaccount:default:builder");
        assert!(identity.is_in("system:serviceaccounts"));
        assert!(identity.is_in("system:serviceaccounts:default"));
        assert!(identity.is_in(AUTHENTICATED));
        assert_eq!(service_account_of(&identity.name), Some(("default", "builder")));
    }

    #[test]
    fn only_well_formed_names_are_service_accounts() {
        for name in
            ["alice", "system:serviceaccount:a", "system:serviceaccount::b", "system:serviceaccount:a:b:c"]
        {
            assert_eq!(service_account_of(name), None, "{name}");
        }
    }

    #[test]
    fn a_node_needs_name_and_group() {
        assert_eq!(Identity::user("system:node:n1", &[NODES]).node(), Some("n1"));
        assert_eq!(Identity::user("system:node:n1", &[]).node(), None);
        assert_eq!(Identity::user("alice", &[NODES]).node(), None);
    }
}
