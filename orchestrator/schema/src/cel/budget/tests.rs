use proptest::prelude::*;
use serde_json::{Value, json};

use crate::Schema;

/// What a definition with this `spec` is refused for.
fn over(spec: &Value) -> Vec<String> {
    let schema = Schema::from_crd(&json!({"type": "object", "properties": {"spec": spec}}), "s").unwrap();
    schema.rules_over_budget("s").iter().map(ToString::to_string).collect()
}

fn rule(text: &str) -> Value {
    json!([{"rule": text, "message": "m"}])
}

fn list(items: &Value, most: Option<u64>) -> Value {
    let mut list = json!({"type": "array", "items": items});
    if let Some(most) = most {
        list["maxItems"] = most.into();
    }
    list
}

const ADVICE: &str = "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, \
                      and strings are declared)";

#[test]
fn how_large_lists_may_be_depends_on_how_long_texts_may_be() {
    for (length, most) in [(16, 909_090), (63, 333_333), (253, 94_339), (1024, 24_154)] {
        let spec = |most| {
            let mut list = list(&json!({"type": "string", "maxLength": length}), Some(most));
            list["x-kubernetes-validations"] = rule("self.all(x, x.contains('gpu'))");
            list
        };
        assert_eq!(over(&spec(most)), [""; 0], "{length}");
        let refused = over(&spec(most + 1));
        let begin = "s.properties[spec].x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds \
                     budget by factor of 1.0000";
        assert!(refused[0].starts_with(begin), "{length}: {refused:?}");
    }
}

#[test]
fn rules_without_bounds_are_refused_where_they_multiply() {
    let tags = |most| list(&json!({"type": "string"}), most);
    let with = |mut place: Value, text: &str| {
        place["x-kubernetes-validations"] = rule(text);
        place
    };
    let here = "s.properties[spec].x-kubernetes-validations[0].rule";
    // Refused alone, refused as a part of the sum, and the sum itself.
    let all = |field: &str| {
        vec![
            format!(
                "{field}: Forbidden: estimated rule cost exceeds budget by factor of more than 100x {ADVICE}"
            ),
            format!(
                "{field}: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 \
                 schema"
            ),
            format!(
                "s: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds \
                 budget by factor of more than 100x {ADVICE}"
            ),
        ]
    };
    let twice = "self.all(x, self.exists(y, x == y))";
    for (spec, expected) in [
        (with(tags(None), "self.all(x, x.contains('gpu'))"), all(here)),
        (with(tags(None), twice), all(here)),
        (with(list(&tags(None), None), "self.all(x, x.all(y, true))"), all(here)),
        (with(list(&tags(Some(4)), Some(100)), "self.all(x, x.all(y, true))"), vec![]),
        (with(tags(None), "self.all(x, x != '')"), vec![]),
        (with(list(&json!({"type": "string", "maxLength": 8}), Some(100)), twice), vec![]),
        (with(json!({"type": "string"}), "self.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')"), vec![]),
        // What stands below a list is evaluated for each element.
        (
            list(&with(json!({"type": "string"}), "self.matches('^[a-z]+$')"), None),
            all("s.properties[spec].items.x-kubernetes-validations[0].rule"),
        ),
        (list(&with(json!({"type": "string"}), "self.size() < 5"), None), vec![]),
        (
            list(&with(json!({"type": "string", "maxLength": 63}), "self.matches('^[a-z]+$')"), Some(1000)),
            vec![],
        ),
        (
            json!({"type": "object", "additionalProperties": with(tags(Some(500)), "self.isSorted()")}),
            all("s.properties[spec].additionalProperties.x-kubernetes-validations[0].rule"),
        ),
        // What functions make has no bound.
        (
            with(
                json!({"type": "object", "properties": {"n": {"type": "integer"}}}),
                "string(self.n) + 'x' == '1x'",
            ),
            all(here),
        ),
        (with(json!({"type": "integer"}), "'%d'.format([self]) == '1'"), vec![]),
        (
            with(
                json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}),
                "self.?a.orValue(0) + self.?b.orValue(1) > 0 && math.abs(self.a) + math.abs(self.b) < 9",
            ),
            vec![],
        ),
        (
            with(
                json!({"type": "string", "maxLength": 50}),
                "quantity(self) == quantity('1') && ip(self) == ip(self)",
            ),
            vec![],
        ),
    ] {
        assert_eq!(over(&spec), expected, "{spec}");
    }
}

#[test]
fn factors_are_shown_as_kubernetes_does() {
    let spec = |most| {
        let mut list = list(&json!({"type": "integer"}), Some(most));
        list["x-kubernetes-validations"] = rule("self.all(x, true)");
        over(&list)
    };
    // Three for an element, and two.
    assert_eq!(spec(3_333_332), [""; 0]);
    for (most, factor) in [(3_400_000, "1.020000"), (6_000_000, "1.8"), (33_000_000, "9.9")] {
        let found = spec(most);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains(&format!("by factor of {factor}x (try")), "{found:?}");
    }
}

#[test]
fn the_sum_names_the_most_costly_rules() {
    let part = |most: u64| {
        let mut list = list(&json!({"type": "integer"}), Some(most));
        list["x-kubernetes-validations"] = rule("self.all(x, true)");
        list
    };
    let mut properties = serde_json::Map::new();
    for index in 0..20 {
        properties.insert(format!("p{index:02}"), part(3_000_000 + index));
    }
    properties.insert("small".into(), part(10));
    let refused = over(&json!({"type": "object", "properties": properties}));
    let fields: Vec<&str> = refused.iter().map(|cause| cause.split(": ").next().unwrap()).collect();
    let path = |index| format!("s.properties[spec].properties[p{index}].x-kubernetes-validations[0].rule");
    assert_eq!(fields, [path(19), path(18), path(17), path(16), "s".into()]);
    assert!(
        refused[4].contains("for entire OpenAPIv3 schema exceeds budget by factor of 1.8x (try"),
        "{refused:?}"
    );
}

#[test]
fn what_rules_usually_say_fits() {
    let name = json!({"type": "string", "maxLength": 253});
    let port = json!({
        "type": "object",
        "required": ["name", "number"],
        "properties": {
            "name": name, "number": {"type": "integer"}, "host": name, "kind": {"type": "string", "enum": ["TCP", "UDP"]},
            "target": {"x-kubernetes-int-or-string": true}, "since": {"type": "string", "format": "date-time"},
            "wait": {"type": "string", "format": "duration"}, "address": {"type": "string", "maxLength": 64},
            "path": {"type": "string", "maxLength": 1024},
        },
    });
    for text in [
        "self.ports.all(a, self.ports.exists_one(b, a.name == b.name))",
        "self.ports.all(a, a.kind in ['TCP', 'UDP'] ? has(a.host) && a.host != '' : !has(a.host))",
        "self.ports.filter(p, has(p.host) && p.host.startsWith('a')).size() <= 1",
        "self.ports.map(p, p.number).sum() < 100 && self.ports.map(p, p.name).isSorted() || true",
        "self.ports.all(p, type(p.target) == string ? p.target.size() < 9 : p.target > 0)",
        "self.ports.all(p, p.since < timestamp('2030-01-01T00:00:00Z') && p.wait > duration('1s'))",
        "self.ports.all(p, !has(p.address) || isIP(p.address) && ip(p.address).family() == 4)",
        "self.ports.all(p, isURL('http://' + p.host + '/') && url('http://' + p.host).getHost() == p.host)",
        "self.ports.all(p, p.path.matches('^(/[-a-z0-9._~]*)*$') && !p.path.contains('//'))",
        "self.ports.all(p, oldSelf.ports.exists(o, o.name == p.name && o.number == p.number))",
        "self.?limit.orValue(1) <= size(self.ports) && self.?labels['a'].orValue('') != 'b'",
        "self.labels.all(k, k.size() < 64 && self.labels[k].matches('^[a-z]*$'))",
        "has(self.limit) && (self.limit * 2 + 1) % 2 == 1 ? string(self.limit) == '1' : !has(self.labels)",
    ] {
        let spec = json!({
            "type": "object",
            "properties": {
                "ports": list(&port, Some(16)),
                "limit": {"type": "integer"},
                "labels": {"type": "object", "maxProperties": 16, "additionalProperties": {"type": "string", "maxLength": 63}},
            },
            "x-kubernetes-validations": rule(text),
        });
        let refused = over(&spec);
        // The order of what an expression makes is compared text by text, and how long those are is not known.
        let is_refused = text.contains("isSorted");
        assert_eq!(!refused.is_empty(), is_refused, "{text}: {refused:?}");
    }
}

#[test]
fn messages_have_a_budget() {
    let spec = |message: &str| json!({"type": "integer", "x-kubernetes-validations": [{"rule": "self > 0", "messageExpression": message}]});
    assert_eq!(over(&spec("'%d is too small'.format([self])")), [""; 0]);
    let refused = over(&spec("string(self) + ' is too small'"));
    assert_eq!(
        refused[0],
        format!(
            "s.properties[spec].x-kubernetes-validations[0].messageExpression: Forbidden: estimated messageExpression cost \
             exceeds budget by factor of more than 100x {ADVICE}"
        )
    );
    assert_eq!(refused.len(), 3);
}

proptest! {
    /// Whatever is written, there is an answer; and a schema that allows less never has a rule that costs more.
    #[test]
    fn estimates_end(parts in prop::collection::vec(0..PARTS.len(), 1..12), most in 0_u64..1000) {
        let text: String = parts.iter().map(|part| PARTS[*part]).collect();
        let schema = |most: Option<u64>| {
            let mut list = list(&json!({"type": "object", "properties": {
                "a": {"type": "string", "maxLength": most.unwrap_or(1 << 20)}, "m": {"type": "object",
                "additionalProperties": {"type": "integer"}}}}), most);
            list["x-kubernetes-validations"] = rule(&text);
            Schema::from_crd(&json!({"type": "object", "properties": {"spec": list}}), "s")
        };
        if let (Ok(some), Ok(all)) = (schema(Some(most)), schema(None)) {
            let cost = |schema: &Schema| schema.property("spec").unwrap().0.checks.as_ref().unwrap().rules[0].cost;
            prop_assert!(cost(&some) <= cost(&all), "{text}");
        }
    }
}

const PARTS: [&str; 22] = [
    "self",
    "self.all(x, ",
    "self.map(x, x.a)",
    ".exists(y, y.a == '')",
    ")",
    "x",
    ".a",
    ".m",
    "[0]",
    " == ",
    " + ",
    "'b'",
    ".size()",
    " > 1",
    " && ",
    "true",
    "dyn(",
    ".?m",
    ".orValue({})",
    ".replace('', 'bb')",
    ".join('')",
    ".split('a')",
];
