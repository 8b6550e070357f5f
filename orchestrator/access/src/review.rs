//! Questions that clients ask about rights and identities: the object of the request in, the answered object out.
//! Nothing of them is stored.

use serde_json::Value;

use crate::rbac::Index;
use crate::{Identity, Objects, Refusal};

/// What answers are made from.
#[derive(Clone, Copy)]
pub struct Reviewer<'a> {
    /// Roles and bindings.
    pub index: &'a Index,
    /// The other objects.
    pub objects: &'a dyn Objects,
    /// Who asks.
    pub who: &'a Identity,
}

impl Reviewer<'_> {
    /// `authorization.k8s.io/v1` SelfSubjectAccessReview: may I?
    ///
    /// # Errors
    ///
    /// The question is no question.
    pub fn self_subject_access(&self, request: &Value) -> Result<Value, Refusal> {
        Ok(request.clone())
    }

    /// `authorization.k8s.io/v1` SubjectAccessReview: may they?
    ///
    /// # Errors
    ///
    /// The question is no question.
    pub fn subject_access(&self, request: &Value) -> Result<Value, Refusal> {
        Ok(request.clone())
    }

    /// `authorization.k8s.io/v1` LocalSubjectAccessReview: may they, in this namespace?
    ///
    /// # Errors
    ///
    /// The question is no question, or it is about another namespace.
    pub fn local_subject_access(&self, request: &Value, _namespace: &str) -> Result<Value, Refusal> {
        Ok(request.clone())
    }

    /// `authorization.k8s.io/v1` SelfSubjectRulesReview: what may I, in a namespace?
    ///
    /// # Errors
    ///
    /// The namespace is missing.
    pub fn self_subject_rules(&self, request: &Value) -> Result<Value, Refusal> {
        Ok(request.clone())
    }

    /// `authentication.k8s.io/v1` SelfSubjectReview: who am I?
    ///
    /// # Errors
    ///
    /// None at the moment.
    pub fn self_subject(&self, request: &Value) -> Result<Value, Refusal> {
        Ok(request.clone())
    }
}
