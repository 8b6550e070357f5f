//! Questions that are answered and not stored.

use super::Row;
use crate::kind::Scope::{self, Cluster, Namespaced};
use crate::kind::Verb;

const AUTHENTICATION: &str = "authentication.k8s.io";
const AUTHORIZATION: &str = "authorization.k8s.io";

const fn review(
    group: &'static str,
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
    scope: Scope,
) -> Row {
    Row::new(group, &["v1"], plural, singular, kind, scope).verbs(&[Verb::Create])
}

pub(super) const ROWS: &[Row] = &[
    review(AUTHENTICATION, "selfsubjectreviews", "selfsubjectreview", "SelfSubjectReview", Cluster),
    review(AUTHENTICATION, "tokenreviews", "tokenreview", "TokenReview", Cluster),
    review(
        AUTHORIZATION,
        "localsubjectaccessreviews",
        "localsubjectaccessreview",
        "LocalSubjectAccessReview",
        Namespaced,
    ),
    review(
        AUTHORIZATION,
        "selfsubjectaccessreviews",
        "selfsubjectaccessreview",
        "SelfSubjectAccessReview",
        Cluster,
    ),
    review(
        AUTHORIZATION,
        "selfsubjectrulesreviews",
        "selfsubjectrulesreview",
        "SelfSubjectRulesReview",
        Cluster,
    ),
    review(AUTHORIZATION, "subjectaccessreviews", "subjectaccessreview", "SubjectAccessReview", Cluster),
];
