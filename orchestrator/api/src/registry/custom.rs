//! The kind of a CustomResourceDefinition.

use serde_json::Value;

use crate::kind::Kind;
use guideway_schema::Cause;

pub(crate) fn kind(definition: &Value) -> Result<Kind, Vec<Cause>> {
    let _ = definition;
    Err(vec![Cause::required("spec", "")])
}
