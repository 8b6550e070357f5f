use std::collections::BTreeMap;

use guideway_api::Status;

use crate::rbac::{Attributes, Index, ResourceAttributes, Target};
use crate::{
    ANONYMOUS, AUTHENTICATED, Identity, Objects, Refusal, UNAUTHENTICATED, require, service_account_of,
};

/// Whom a client wants to be for one request, from its `Impersonate-…` headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impersonation {
    /// `Impersonate-User`, empty when there is none.
    pub user: String,
    /// `Impersonate-Uid`.
    pub uid: String,
    /// `Impersonate-Group`, once for each.
    pub groups: Vec<String>,
    /// `Impersonate-Extra-KEY`, by key in lower case.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl Impersonation {
    /// Does the client want to be anyone but itself?
    #[must_use]
    pub fn is_asked_for(&self) -> bool {
        *self != Self::default()
    }

    /// The identity that the request goes on with.
    ///
    /// # Errors
    ///
    /// 400 for groups without a user, 403 if `who` may not be the user, or in one of the groups.
    pub fn identity(self, index: &Index, objects: &dyn Objects, who: &Identity) -> Result<Identity, Refusal> {
        if self.user.is_empty() {
            return Err(Box::new(Status::bad_request(
                "impersonation of groups, a uid or extra fields needs a user; set Impersonate-User (kubectl: --as) too",
            )));
        }
        let may = |group, resource, subresource, namespace, name| {
            let to = ResourceAttributes { group, version: "", resource, subresource, namespace, name };
            require(index, objects, who, &Attributes { verb: "impersonate", target: Target::Resource(to) })
        };
        let account = service_account_of(&self.user);
        match account {
            Some((namespace, name)) => may("", "serviceaccounts", "", namespace, name)?,
            None => may("", "users", "", "", &self.user)?,
        }
        if !self.uid.is_empty() {
            may("authentication.k8s.io", "uids", "", "", &self.uid)?;
        }
        for group in &self.groups {
            may("", "groups", "", "", group)?;
        }
        for (key, values) in &self.extra {
            for value in values {
                may("authentication.k8s.io", "userextras", key, "", value)?;
            }
        }
        let mut groups = self.groups;
        if let Some((namespace, _)) = account
            && groups.is_empty()
        {
            groups = vec!["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")];
        }
        let own = if self.user == ANONYMOUS { UNAUTHENTICATED } else { AUTHENTICATED };
        if !groups.iter().any(|group| group == AUTHENTICATED || group == UNAUTHENTICATED) {
            groups.push(own.to_owned());
        }
        Ok(Identity { name: self.user, uid: self.uid, groups, extra: self.extra })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MASTERS;

    #[test]
    fn a_master_may_be_anyone() {
        let root = Identity::user("root", &[MASTERS]);
        let be = |user: &str, groups: &[&str]| {
            let groups = groups.iter().map(|&group| group.to_owned()).collect();
            Impersonation { user: user.to_owned(), groups, ..Default::default() }.identity(
                &Index::default(),
                &(),
                &root,
            )
        };
        assert_eq!(be("alice", &["devs"]).unwrap(), Identity::user("alice", &["devs"]));
        assert_eq!(be("system:serviceaccount:d:sa", &[]).unwrap(), Identity::service_account("d", "sa", ""));
        assert_eq!(be(ANONYMOUS, &[]).unwrap(), Identity::anonymous());
        assert_eq!(be("", &["devs"]).unwrap_err().code, 400);
    }

    #[test]
    fn others_may_not() {
        let alice = Identity::user("alice", &[]);
        let bob = Impersonation { user: "bob".to_owned(), ..Default::default() };
        assert_eq!(
            bob.identity(&Index::default(), &(), &alice).unwrap_err().message,
            r#"users "bob" is forbidden: User "alice" cannot impersonate resource "users" in API group "" at the cluster scope"#
        );
    }
}
