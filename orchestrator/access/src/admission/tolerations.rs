//! DefaultTolerationSeconds: for how long a pod stays on a node that does not answer.

use serde_json::{Value, json};

use super::Request;
use crate::json::{list, push, text};

const KEYS: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
const SECONDS: u32 = 300;

pub(super) fn mutate(request: &Request<'_>, pod: &mut Value) {
    if !request.is("", "pods") || !pod["spec"].is_object() {
        return;
    }
    for key in KEYS {
        let tolerated = list(&pod["spec"]["tolerations"]).iter().any(|toleration| {
            let (own, effect) = (text(toleration, "key"), text(toleration, "effect"));
            (own.is_empty() || own == key) && matches!(effect, "" | "NoExecute")
        });
        if !tolerated {
            let toleration = json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": SECONDS});
            push(pod, &["spec", "tolerations"], toleration);
        }
    }
}
