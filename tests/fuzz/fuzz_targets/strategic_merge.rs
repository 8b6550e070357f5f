//! A strategic merge patch of a pod gives an object or an error, and applying gives one that is applied the second time
//! too. The text is the pod and the patch, with a line feed between them.
#![no_main]

use std::sync::LazyLock;

use guideway_patch::apply::{Force, apply};
use guideway_patch::managed::Manager;
use guideway_patch::{PatchError, strategic_merge};
use guideway_schema::Schema;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

static POD: LazyLock<Schema> = LazyLock::new(|| Schema::builtin("", "v1", "Pod").expect("pods are built in"));

const NOW: &str = "2026-01-01T00:00:00Z";

fuzz_target!(|text: &str| {
    let Some((pod, patch)) = text.split_once('\n') else { return };
    let (Ok(mut pod), Ok(patch)) = (serde_json::from_str::<Value>(pod), serde_json::from_str::<Value>(patch))
    else {
        return;
    };
    if let Err(error) = strategic_merge(&POD, &pod, &patch) {
        // Kubernetes answers 500 to an element without the key of its list, and to nothing else.
        let expected = if matches!(error, PatchError::NoMergeKey(_)) { 500 } else { 400 };
        assert!([expected, 422].contains(&error.status()), "{error}");
    }
    let version = patch.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let manager = Manager::new("fuzz", version);
    // As a store has it.
    POD.normalize(&mut pod);
    let live = pod.is_object().then_some(&pod);
    if let Ok(once) = apply(&POD, live, &patch, &manager, Force::Yes, NOW) {
        let twice = apply(&POD, Some(&once), &patch, &manager, Force::No, "2027-01-01T00:00:00Z");
        assert!(twice.is_ok(), "force leaves no conflict: {twice:?}");
    }
});
