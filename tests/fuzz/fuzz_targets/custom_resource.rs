//! Whatever a custom resource says, it is a value or a list of errors that name fields; what is accepted here the schema of
//! the manifest accepts. The text is JSON.
#![no_main]

use std::sync::LazyLock;

use guideway_controller_crds::{Kind, manifest, parse};
use guideway_schema::Schema;
use libfuzzer_sys::fuzz_target;

/// Kind, version, and its schema.
static SCHEMAS: LazyLock<Vec<(Kind, String, Schema)>> = LazyLock::new(|| {
    let mut schemas = Vec::new();
    for kind in Kind::ALL {
        for version in manifest(kind)["spec"]["versions"].as_array().expect("versions") {
            let schema = Schema::from_crd(&version["schema"]["openAPIV3Schema"], "schema").expect("a schema");
            let name = version["name"].as_str().expect("a name").to_owned();
            schemas.push((kind, name, schema));
        }
    }
    schemas
});

fuzz_target!(|text: &str| {
    let Ok(mut object) = serde_json::from_str::<serde_json::Value>(text) else { return };
    let Ok(parsed) = parse(&object) else { return };
    match parsed.resource {
        Ok(_) => {
            let version = object["apiVersion"].as_str().and_then(|text| text.rsplit('/').next());
            let known =
                SCHEMAS.iter().find(|(kind, name, _)| *kind == parsed.kind && Some(name.as_str()) == version);
            let (_, _, schema) = known.expect("its version is known");
            schema.prune(&mut object);
            schema.default(&mut object);
            let causes = schema.validate(&object);
            let causes: Vec<_> = causes.iter().filter(|cause| cause.field.starts_with("spec")).collect();
            assert!(causes.is_empty(), "{causes:?}");
        }
        Err(errors) => {
            assert!(!errors.is_empty() && errors.len() <= 200, "errors are bounded");
            for error in errors {
                assert!(error.place.starts_with("spec") || error.place.starts_with("metadata"), "{error}");
            }
        }
    }
});
