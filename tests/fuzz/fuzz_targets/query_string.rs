//! Whatever a client asks for, it is understood or refused, and what is understood holds together.
#![no_main]

use std::sync::LazyLock;

use guideway_api::options::{DeleteOptions, DryRun, GetOptions, ListOptions, PatchKind, WriteOptions};
use guideway_api::path::Request;
use guideway_api::table::IncludeObject;
use guideway_api::{Registry, Resource};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

static PODS: LazyLock<Resource> =
    LazyLock::new(|| Registry::built_in().find("", "v1", "pods").expect("pods are built in"));

// The first line is the path, the second the query, the rest the body of a deletion.
fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n');
    let (path, query) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        if let Request::Resource(request) = Request::parse(method, path, query) {
            assert!(!request.resource.is_empty() || path.contains("//") || path.contains('%'), "{request:?}");
        }
    }
    if let Ok(options) = ListOptions::parse(query, PODS.kind(), PODS.version()) {
        assert!(options.watch || options.send_initial_events.is_none(), "{options:?}");
        assert!(options.version_match.is_none() || options.continue_token.is_none(), "{options:?}");
    }
    let _ = GetOptions::parse(query);
    let _ = IncludeObject::parse(query);
    let _ = WriteOptions::create(query);
    for kind in [PatchKind::Json, PatchKind::Apply] {
        if let Ok(options) = WriteOptions::patch(query, kind) {
            assert!(kind == PatchKind::Json || options.field_manager.is_some(), "{options:?}");
        }
    }
    let body: Value = lines.next().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
    if let Ok(options) = DeleteOptions::parse(query, &body) {
        assert!(options.grace_seconds.is_none_or(|seconds| seconds >= 0), "{options:?}");
        assert!(
            options.dry_run == DryRun::No || body["dryRun"].is_array() || query.contains("dryRun"),
            "{options:?}"
        );
    }
});
