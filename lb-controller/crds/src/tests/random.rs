//! Any JSON: no panic, errors that name a field, and what is accepted here an API server accepts too.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::schema::schema;
use crate::fields::{Fields, Need, Shape};
use crate::{Kind, definition, parse};

fn junk() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1000..1000_i64).prop_map(|number| json!(number as f64 / 3.0)),
        text(),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map("[a-zA-Z./]{0,10}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
    .boxed()
}

/// Texts like times.
const TIMES: &str = "([0-9]{0,2}\\.?[0-9]{0,2}(ns|us|µs|μs|ms|s|m|h)){1,3}";

/// Texts that some format takes, and others.
fn text() -> BoxedStrategy<Value> {
    let known = [
        "",
        "0",
        "a",
        "x-1",
        "10.0.0.1",
        "10.0.0.0/24",
        "10.0.1.5-10.0.1.9",
        "2001:db8::/64",
        "2001:db8::7",
        "fe80::1",
        "90s",
        "1m30s",
        "300ms",
        "0s",
        "3s",
        "1h",
        "65001:100",
        "large:1:2:3",
        "no-export",
        "/healthz",
        "web.example.com",
        "guideway.dev/load-balancer",
        "eth0",
        "s3cret",
        "-1s",
        "2s",
        "1s",
        "500ms",
        "10m",
        "224.0.0.1",
        "10.0.0.0/33",
    ];
    prop_oneof![
        4 => proptest::sample::select(known.to_vec()).prop_map(Value::from),
        1 => any::<String>().prop_map(Value::from),
        1 => "[a-z0-9:./-]{0,24}".prop_map(Value::from),
        1 => TIMES.prop_map(Value::from),
    ]
    .boxed()
}

fn of_shape(shape: &'static Shape) -> BoxedStrategy<Value> {
    let fitting = match shape {
        Shape::Text(_) | Shape::MaybeText(_) => text(),
        Shape::Word(words) => proptest::sample::select(words.to_vec()).prop_map(Value::from).boxed(),
        Shape::Number(min, max) => {
            let near = 0..200_i64;
            prop_oneof![Just(*min), Just(*max), *min..=*max, near, Just(64_512)].prop_map(Value::from).boxed()
        }
        Shape::OneOf(numbers) => proptest::sample::select(numbers.to_vec()).prop_map(Value::from).boxed(),
        Shape::Switch => any::<bool>().prop_map(Value::from).boxed(),
        Shape::Texts => btree_map("[a-z]{1,4}", text(), 0..3)
            .prop_map(|map| Value::Object(map.into_iter().collect()))
            .boxed(),
        Shape::Selector => selector(),
        Shape::List { of, .. } => vec(of_shape(of), 0..4).prop_map(Value::from).boxed(),
        Shape::Object(fields) => of_fields(fields),
    };
    prop_oneof![30 => fitting, 1 => junk()].boxed()
}

fn selector() -> BoxedStrategy<Value> {
    let label = prop_oneof![Just("app"), Just("example.com/zone"), Just("-x"), Just("")];
    let operator = prop_oneof![Just("In"), Just("NotIn"), Just("Exists"), Just("DoesNotExist"), Just("in")];
    let expression = (label.clone(), operator, vec("[a-z]{0,3}", 0..3))
        .prop_map(|(key, operator, values)| json!({"key": key, "operator": operator, "values": values}));
    (btree_map(label.prop_map(str::to_owned), "[a-z]{0,3}", 0..3), vec(expression, 0..2))
        .prop_map(|(labels, expressions)| json!({"matchLabels": labels, "matchExpressions": expressions}))
        .boxed()
}

/// An object with some of the fields, mostly with the required ones.
fn of_fields(fields: &'static Fields) -> BoxedStrategy<Value> {
    let mut whole: BoxedStrategy<Map<String, Value>> = Just(Map::new()).boxed();
    for field in fields.fields {
        let chance = if field.need == Need::Required { 0.97 } else { 0.25 };
        let value = proptest::option::weighted(chance, of_shape(&field.shape));
        whole = (whole, value)
            .prop_map(move |(mut map, value)| {
                if let Some(value) = value {
                    map.insert(field.name.to_owned(), value);
                }
                map
            })
            .boxed();
    }
    whole.prop_map(Value::Object).boxed()
}

fn any_object() -> impl Strategy<Value = (Kind, &'static str, Value)> {
    proptest::sample::select(Kind::ALL.to_vec()).prop_flat_map(|kind| {
        let versions = definition(kind).versions;
        (0..versions.len()).prop_flat_map(move |index| {
            let version = &versions[index];
            let spec = prop_oneof![20 => of_fields(version.fields), 1 => junk()];
            spec.prop_map(move |spec| {
                let object = json!({
                    "apiVersion": format!("{}/{}", kind.group(), version.name),
                    "kind": kind.as_str(),
                    "metadata": {"name": "x"},
                    "spec": spec,
                });
                (kind, version.name, object)
            })
        })
    })
}

proptest! {
    /// The parser reads them as Go does.
    #[test]
    fn times_that_are_read_have_the_pattern(time in TIMES) {
        let object = json!({
            "apiVersion": "metallb.io/v1beta2",
            "kind": "BGPPeer",
            "metadata": {"name": "x"},
            "spec": {"myASN": 1, "peerASN": 2, "peerAddress": "10.0.0.1", "connectTime": time},
        });
        if parse(&object).unwrap().resource.is_ok() {
            let causes = schema(Kind::BgpPeer, "v1beta2").validate(&object);
            prop_assert!(causes.is_empty(), "{:?}", causes);
        }
    }

    #[test]
    fn errors_name_fields_and_schemas_agree((kind, version, object) in any_object()) {
        let parsed = parse(&object).unwrap();
        match parsed.resource {
            Ok(_) => {
                let schema = schema(kind, version);
                let mut object = object;
                schema.prune(&mut object);
                schema.default(&mut object);
                let causes = schema.validate(&object);
                prop_assert!(causes.is_empty(), "{causes:?}");
            }
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                for error in errors {
                    prop_assert!(error.place.starts_with("spec"), "{error}");
                    prop_assert!(!error.problem.is_empty() && !error.remedy.is_empty(), "{error}");
                }
            }
        }
    }

    #[test]
    fn any_json_is_answered(value in junk()) {
        let error = parse(&value).unwrap_err();
        prop_assert!(error.place == "kind" || error.place == "apiVersion");
    }
}
