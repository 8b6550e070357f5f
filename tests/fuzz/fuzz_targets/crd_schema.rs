//! Whatever a definition says, it is a schema or a list of causes with fields; and whatever an object of the schema is,
//! pruning leaves what is known, defaults are set once, and validation ends. The text is the schema and the object, with
//! a line feed between them; both are decoded as requests are.
#![no_main]

use guideway_schema::{Schema, decode};
use libfuzzer_sys::fuzz_target;

/// The parser of rules is a library's. It runs in a thread of its own, whose panic is a cause like others.
fn let_rules_panic() {
    let stop = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() != Some("cel") {
            stop(panic);
        }
    }));
}

fuzz_target!(init: let_rules_panic(), |text: &str| {
    let Some((schema, object)) = text.split_once('\n') else { return };
    let (Ok(schema), Ok(object)) = (decode(schema.as_bytes()), decode(object.as_bytes())) else { return };
    match Schema::from_crd(&schema.value, "schema") {
        Ok(schema) => {
            let costly = schema.rules_over_budget("schema");
            assert!(costly.iter().all(|cause| cause.field.starts_with("schema")), "a rule has a field");
            let mut object = object.value;
            let _ = schema.type_error(&object);
            schema.prune(&mut object);
            assert!(schema.unknown_fields(&object).is_empty(), "what is left is known");
            schema.default(&mut object);
            let once = object.clone();
            schema.default(&mut object);
            assert_eq!(object, once, "defaults are set once");
            let causes = schema.validate(&object);
            assert!(causes.len() <= 200, "causes are bounded");
            schema.validate_update(&object, &once);
        }
        Err(causes) => {
            assert!(!causes.is_empty(), "a refused schema has a cause");
            for cause in causes {
                assert!(cause.field.starts_with("schema"), "a cause has a field: {cause}");
            }
        }
    }
});
