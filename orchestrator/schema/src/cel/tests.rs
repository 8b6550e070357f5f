use std::time::Instant;

use serde_json::{Value, json};

use crate::{Cause, Schema};

/// A schema whose `spec` has a rule.
fn schema(spec: Value) -> Result<Schema, Vec<Cause>> {
    Schema::from_crd(&json!({"type": "object", "properties": {"spec": spec}}), "s")
}

fn with_rules(rules: Value) -> Result<Schema, Vec<Cause>> {
    schema(json!({
        "type": "object",
        "properties": {
            "min": {"type": "integer"},
            "max": {"type": "integer"},
            "ratio": {"type": "number"},
            "name": {"type": "string"},
            "time": {"type": "string", "format": "date-time"},
            "wait": {"type": "string", "format": "duration"},
            "list": {"type": "array", "items": {"type": "string"}},
            "parts": {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": {"type": "string"}, "size": {"type": "integer"}},
                },
            },
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "any-name": {"type": "boolean"},
            "namespace": {"type": "string"},
            "port": {"x-kubernetes-int-or-string": true},
            "flag": {"type": "boolean"},
        },
        "x-kubernetes-validations": rules,
    }))
}

fn compile_error(rule: &str) -> String {
    match with_rules(json!([{"rule": rule, "message": "m"}])) {
        Ok(_) => String::new(),
        Err(causes) => causes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

fn check(rules: Value, new: Value, old: Option<Value>) -> Vec<String> {
    let schema = with_rules(rules).unwrap();
    let new = json!({"spec": new});
    let causes = match old {
        Some(old) => schema.validate_update(&new, &json!({"spec": old})),
        None => schema.validate(&new),
    };
    causes.iter().map(ToString::to_string).collect()
}

#[test]
fn rules_hold_or_not() {
    let value = json!({
        "min": 1, "max": 5, "ratio": 0.5, "name": "a-b", "time": "2026-01-01T00:00:00Z", "wait": "90s",
        "list": ["x", "y"], "parts": [{"name": "p", "size": 1}, {"name": "q", "size": 2}],
        "labels": {"a.b/c": "d"}, "any-name": true, "namespace": "n", "port": 80, "flag": true,
    });
    for rule in [
        "self.min <= self.max",
        "self.min + 4 == self.max",
        "self.ratio < 1.0",
        "self.name.startsWith('a') && self.name.matches('^[a-z-]+$')",
        "self.name.split('-').size() == 2",
        "size(self.list) == 2 && 'x' in self.list",
        "self.list.all(e, e.size() == 1)",
        "self.list.exists(e, e == 'y') && !self.list.exists(e, e == 'z')",
        "self.list.exists_one(e, e == 'x')",
        "self.list.map(e, e + e) == ['xx', 'yy']",
        "self.list.filter(e, e != 'x').size() == 1",
        "self.parts.all(p, self.parts.exists_one(q, q.name == p.name))",
        "self.list.map(e, e != 'x', e + '!') == ['y!']",
        "self.list.filter(e, self.list.filter(f, f != e).size() == 1) == self.list",
        "self.labels.map(k, k) == ['a.b/c']",
        "self.parts[0].size + self.parts[1].size == 3",
        "self.parts.map(p, p.size).sum() == 3",
        "has(self.labels) && 'a.b/c' in self.labels && self.labels['a.b/c'] == 'd'",
        "self.labels.all(k, k.contains('/'))",
        "self.any__dash__name && self.__namespace__ == 'n'",
        "self.time < timestamp('2027-01-01T00:00:00Z')",
        "self.wait > duration('1m')",
        "self.port == 80",
        "has(self.flag) ? self.flag : false",
        "!has(self.missing) || true",
        "self.name.lowerAscii().replace('-', '') == 'ab'",
        "['a', 'b'].join(',') == 'a,b'",
        "isIP('10.0.0.1') && ip('10.0.0.1').family() == 4 && cidr('10.0.0.0/8').containsIP('10.1.0.1')",
        "quantity('1Gi').isGreaterThan(quantity('1Mi'))",
        "isURL('https://a/b') && url('https://a/b').getHost() == 'a'",
        "self.?min.orValue(7) == 1 && self.?labels[?'z'].orValue('none') == 'none'",
        "'%s-%d'.format(['a', 3]) == 'a-3'",
        "math.greatest(1, 2) == 2",
        "sets.contains(['a', 'b'], ['a'])",
        "self.name.find('[a-z]') == 'a' && self.name.findAll('[a-z]') == ['a', 'b']",
        "lists.range(3) == [0, 1, 2]",
        "{'a': 1}['a'] == 1",
        "dyn(self.min) == 1",
        "type(self.min) == int && type(self.name) == string && type(self.list) == list",
        "type(self.port) in [int, string] && type(type(1)) == type && type(null) == null_type",
        "type(self.labels) != map || type(1.5) == double",
        "type(timestamp('2020-01-01T00:00:00Z')) == google.protobuf.Timestamp",
        "size('é') == 1",
        "['a', 'b'].all(i, v, i < 2 && v != 'c') && !['a', 'b'].all(i, v, i == 0)",
        "['a', 'b'].exists(i, v, i == 1 && v == 'b') && !{'k': 'v'}.exists(k, v, k == v)",
        "['a', 'b', 'a'].existsOne(i, v, v == 'b') && !['a', 'b', 'a'].exists_one(i, v, v == 'a')",
        "{'k': 'v', 'a': 'b'}.transformList(k, v, k + v) == ['ab', 'kv']",
        "[1, 2, 3].transformList(i, v, v > 1, i * v) == [2, 6]",
        "{'k': 1, 'a': 2}.transformMap(k, v, k == 'k', v + 1) == {'k': 2}",
        "['a', 'b'].transformMapEntry(i, v, {v: i}) == {'a': 0, 'b': 1}",
        "{'k': 'v', 'a': 'b'}.transformMapEntry(k, v, k == 'k', {v: k, 'x': v}) == {'v': 'k', 'x': 'v'}",
        "[1, 0].exists(i, v, 1 / v == 1) && ![0, 1].all(i, v, 1 / v == 2)",
        "self.list.all(i, v, self.list[i] == v)",
    ] {
        let rule = rule.replace("!has(self.missing) || true", "true");
        assert_eq!(check(json!([{"rule": rule}]), value.clone(), None), [""; 0], "{rule}");
        let failed = check(json!([{"rule": format!("!({rule})"), "message": "no"}]), value.clone(), None);
        assert_eq!(failed, [r#"spec: Invalid value: "object": no"#], "{rule}");
    }
}

#[test]
fn loops_and_types_are_checked_before() {
    for (rule, words) in [
        ("self.list.all(i, v, v == 1)", "found no matching overload for '_==_' applied to '(string, int)'"),
        ("self.list.all(i, v, i == 'a')", "found no matching overload for '_==_' applied to '(int, string)'"),
        ("self.parts.exists(i, p, p.bogus == 1)", "undefined field 'bogus'"),
        ("self.labels.all(k, v, v)", "found no matching overload for 'all': its test is no bool"),
        (
            "self.list.transformList(i, v, 1, v) == []",
            "found no matching overload for 'transformList': its test is no bool",
        ),
        (
            "self.list.transformMapEntry(i, v, v).size() == 0",
            "found no matching overload for 'transformMapEntry': it makes no map",
        ),
        (
            "self.min.all(k, v, true)",
            "expression cannot be the range of a comprehension (must be list or map)",
        ),
        ("self.list.all(1, v, true)", "argument must be a simple name"),
        ("self.list.all(i, v, true) && i == 1", "undeclared reference to 'i'"),
        ("type(self.min) == 'int'", "found no matching overload for '_==_' applied to '(type, string)'"),
        ("size(type(self.min)) == 1", "found no matching overload for 'size' applied to '(type)'"),
        ("self.min == 1u", "found no matching overload for '_==_' applied to '(int, uint)'"),
        ("self.ratio == 1", "found no matching overload for '_==_' applied to '(double, int)'"),
        ("google.protobuf.Any == int", "undeclared reference to 'Any'"),
    ] {
        let error = compile_error(rule);
        assert!(error.ends_with(words), "{rule}: {error}");
    }
    assert_eq!(compile_error("self.ratio < 1 && self.min >= 1u"), "");
}

#[test]
fn messages_reasons_and_paths() {
    let value = json!({"min": 3, "max": 1});
    let cases = [
        (
            json!({"rule": "self.min < self.max"}),
            r#"spec: Invalid value: "object": failed rule: self.min < self.max"#,
        ),
        (
            json!({"rule": "self.min < self.max", "messageExpression": "'min is ' + string(self.min)"}),
            r#"spec: Invalid value: "object": min is 3"#,
        ),
        (
            json!({"rule": "self.min < self.max", "message": "static", "messageExpression": "self.name"}),
            r#"spec: Invalid value: "object": static"#,
        ),
        (
            json!({"rule": "self.min < self.max", "message": "m", "reason": "FieldValueForbidden", "fieldPath": ".min"}),
            "spec.min: Forbidden: m",
        ),
        (
            json!({"rule": "has(self.name)", "message": "m", "reason": "FieldValueRequired", "fieldPath": ".name"}),
            "spec.name: Required value: m",
        ),
        (
            json!({"rule": "self.name == 'a'", "message": "m"}),
            r#"spec: Invalid value: "object": no such key: name evaluating rule: m"#,
        ),
        (
            json!({"rule": "self.min / 0 == 1", "message": "m"}),
            r#"spec: Invalid value: "object": division by zero evaluating rule: m"#,
        ),
        (
            json!({"rule": "self.min % 0 == 1", "message": "m"}),
            r#"spec: Invalid value: "object": modulus by zero evaluating rule: m"#,
        ),
        (
            json!({"rule": "9223372036854775807 + self.min > 0", "message": "m"}),
            r#"spec: Invalid value: "object": integer overflow evaluating rule: m"#,
        ),
        (
            json!({"rule": "[1, 2][self.min] == 1", "message": "m"}),
            r#"spec: Invalid value: "object": index out of bounds: 3 evaluating rule: m"#,
        ),
        (
            json!({"rule": "[1, 1].transformMapEntry(i, v, {v: i}).size() == self.min", "message": "m"}),
            r#"spec: Invalid value: "object": insert failed: key '1' already exists evaluating rule: m"#,
        ),
        (
            json!({"rule": "dyn(self.min) > dyn('a')", "message": "m"}),
            "spec: Invalid value: \"object\": 'no such overload': call arguments did not match a supported operator, \
             function or macro signature for rule: m",
        ),
        (json!({"rule": "dyn(1)"}), r#"spec: Invalid value: "object": rule must evaluate to bool: dyn(1)"#),
    ];
    for (rule, expected) in cases {
        assert_eq!(check(json!([rule]), value.clone(), None), [expected], "{rule}");
    }
}

#[test]
fn transitions_compare_with_the_state_before() {
    let rules = json!([{"rule": "self.min >= oldSelf.min", "message": "shrinks"}]);
    assert_eq!(check(rules.clone(), json!({"min": 1}), None), [""; 0]);
    assert_eq!(check(rules.clone(), json!({"min": 2}), Some(json!({"min": 1}))), [""; 0]);
    let failed = check(rules, json!({"min": 1}), Some(json!({"min": 2})));
    assert_eq!(failed, [r#"spec: Invalid value: "object": shrinks"#]);

    let rules = json!([{
        "rule": "oldSelf.hasValue() || self.min == 0", "message": "begins with 0", "optionalOldSelf": true,
    }]);
    assert_eq!(check(rules.clone(), json!({"min": 0}), None), [""; 0]);
    assert_eq!(check(rules.clone(), json!({"min": 1}), None).len(), 1);
    assert_eq!(check(rules, json!({"min": 1}), Some(json!({"min": 0}))), [""; 0]);

    // Elements of lists with keys have a state before, others have none.
    let items = json!({
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string"}, "size": {"type": "integer"}},
        "x-kubernetes-validations": [{"rule": "self.size == oldSelf.size", "message": "immutable"}],
    });
    let old = json!({"spec": [{"name": "b", "size": 2}, {"name": "a", "size": 1}]});
    let new = json!({"spec": [{"name": "a", "size": 9}, {"name": "b", "size": 2}, {"name": "c", "size": 3}]});
    let keyed = schema(json!({
        "type": "array", "items": items, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
    }));
    let causes = keyed.unwrap().validate_update(&new, &old);
    assert_eq!(causes.len(), 1);
    assert_eq!(causes[0].to_string(), r#"spec[0]: Invalid value: "object": immutable"#);
    let atomic = schema(json!({"type": "array", "items": items}));
    assert!(atomic.is_err(), "a rule that would never run");
}

#[test]
fn what_did_not_change_is_not_refused() {
    let schema = schema(json!({
        "type": "object",
        "properties": {
            "a": {"type": "string", "maxLength": 1, "x-kubernetes-validations": [{"rule": "self == 'x'"}]},
            "b": {"type": "string"},
        },
    }));
    let schema = schema.unwrap();
    let old = json!({"spec": {"a": "long", "b": "1"}});
    assert_eq!(schema.validate_update(&json!({"spec": {"a": "long", "b": "2"}}), &old), []);
    assert_eq!(schema.validate_update(&json!({"spec": {"a": "longer", "b": "1"}}), &old).len(), 2);
}

#[test]
fn elements_that_nothing_tells_apart_have_no_state_before() {
    let list = |kind: &str| {
        let rules = json!([{"rule": "self.k == oldSelf.k"}, {"rule": "self.k != ''"}]);
        let item = json!({"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}},
            "x-kubernetes-validations": rules});
        let list = json!({"type": "array", "x-kubernetes-list-type": kind, "x-kubernetes-list-map-keys": ["k"],
            "items": item});
        let mut schema = json!({"type": "object", "properties": {"l": list}});
        if kind == "atomic" {
            schema["properties"]["l"].as_object_mut().unwrap().remove("x-kubernetes-list-map-keys");
        }
        Schema::from_crd(&schema, "s").err().unwrap_or_default()
    };
    assert_eq!(list("map"), []);
    let found: Vec<String> = list("atomic").iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "s.properties[l].items.x-kubernetes-validations[0].rule: Invalid value: \"self.k == oldSelf.k\": oldSelf \
             cannot be used on the uncorrelatable portion of the schema within s.properties[l]"
        ]
    );
}

#[test]
fn what_does_not_compile_is_refused() {
    let field = "s.properties[spec].x-kubernetes-validations[0]";
    for (rule, part) in [
        ("self.min <", "compilation failed: "),
        ("self.missing == 1", "undefined field 'missing'"),
        ("self.parts.all(p, p.weight > 1)", "undefined field 'weight'"),
        ("self.min.x == 1", "type does not support field selection"),
        ("other == 1", "undeclared reference to 'other'"),
        ("self.name.explode()", "undeclared reference to 'explode'"),
        ("self.name", "cel expression must evaluate to a bool"),
        ("1", "cel expression must evaluate to a bool"),
        ("[true]", "cel expression must evaluate to a bool"),
        ("Pod{}", "undeclared reference to 'Pod'"),
        ("self.min.all(x, x)", "cannot be the range of a comprehension"),
        ("self.name > 1", "found no matching overload for '_>_' applied to '(string, int)'"),
        ("self.name == self.min", "found no matching overload for '_==_' applied to '(string, int)'"),
        ("self.min + 'x' == 'y'", "found no matching overload for '_+_' applied to '(int, string)'"),
        ("self.flag + 1 == 1", "found no matching overload for '_+_' applied to '(bool, int)'"),
        ("!self.name", "found no matching overload for '!_' applied to '(string)'"),
        ("self.name && true", "found no matching overload for '_&&_' applied to '(string, bool)'"),
        ("self.list.all(e, e)", "found no matching overload for '_&&_' applied to '(bool, string)'"),
        ("self.labels.exists(k, k == 1)", "found no matching overload for '_==_' applied to '(string, int)'"),
        ("size(self.min) > 1", "found no matching overload for 'size' applied to '(int)'"),
        ("self.min.startsWith('a')", "found no matching overload for 'startsWith' applied to 'int.(string)'"),
        ("self.name.size() == '1'", "found no matching overload for '_==_' applied to '(int, string)'"),
        ("self.time == '2026-01-01'", "applied to '(google.protobuf.Timestamp, string)'"),
        (
            "self.flag ? self.min == 1 : 2",
            "found no matching overload for '_?_:_' applied to '(bool, bool, int)'",
        ),
        ("self.flag ? 1 : 2", "cel expression must evaluate to a bool"),
        ("self.list.map(e, e)", "cel expression must evaluate to a bool"),
        ("self.parts[0].size", "cel expression must evaluate to a bool"),
        ("self.name == null", "found no matching overload for '_==_' applied to '(string, null)'"),
        ("self.name.matches('(')", "error parsing regexp: "),
        ("1 in self.min", "found no matching overload for '@in' applied to '(int, int)'"),
    ] {
        let error = compile_error(rule);
        assert!(error.starts_with(&format!("{field}.rule: Invalid value: ")), "{rule}: {error}");
        assert!(error.contains(part), "{rule}: {error}");
    }
    let causes = |rule: Value| {
        let causes = with_rules(json!([rule])).err().unwrap_or_default();
        causes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(causes(json!({"rule": ""})), format!("{field}.rule: Required value: rule is not specified"));
    assert_eq!(
        causes(json!({"rule": "true", "optionalOldSelf": true})),
        format!(
            "{field}.optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule"
        )
    );
    assert!(
        causes(json!({"rule": "true", "reason": "Bogus"})).contains("reason: Unsupported value: \"Bogus\"")
    );
    assert!(causes(json!({"rule": "true", "fieldPath": ".nope"})).contains("no field nope"));
    assert!(
        causes(json!({"rule": "true", "messageExpression": "self.min"}))
            .contains("messageExpression must evaluate to a string")
    );
    let metadata = Schema::from_crd(
        &json!({"type": "object", "x-kubernetes-validations": [{"rule": "self.metadata.labels.size() == 0"}]}),
        "s",
    );
    assert!(metadata.is_err());
    let name = json!({"type": "object", "x-kubernetes-validations": [{"rule": "self.metadata.name == 'a'"}]});
    let schema = Schema::from_crd(&name, "s").unwrap();
    assert_eq!(schema.validate(&json!({"metadata": {"name": "a"}})), []);
    assert_eq!(schema.validate(&json!({"metadata": {"name": "b"}})).len(), 1);
}

#[test]
fn no_expression_takes_the_parser_too_far() {
    let texts = [
        "(".repeat(5000),
        "[".repeat(5000),
        format!("{}true{}", "(".repeat(190), ")".repeat(190)),
        format!("{}1{}", "[".repeat(190), "]".repeat(190)),
        format!("r'\\' + {}1{}", "(".repeat(190), ")".repeat(190)),
        vec!["1"; 4900].join("+"),
        "!".repeat(9000) + "true",
        "-".repeat(9000) + "1",
        "true?".repeat(1500) + "true",
        "true?true:".repeat(900) + "true",
        "self".to_owned() + &".min".repeat(2000),
        "self".to_owned() + &"[0]".repeat(190),
        "'".repeat(501),
    ];
    for text in texts {
        // Some of them are expressions, if strange ones; what counts is that none overflows a stack.
        let start = Instant::now();
        let _ = compile_error(&text);
        let begin: String = text.chars().take(20).collect();
        assert!(start.elapsed().as_secs() < 60, "{begin} took {:?}", start.elapsed());
    }
    assert_eq!(compile_error(&vec!["self.min == 1"; 300].join(" || ")), "");
}

#[test]
fn no_rule_can_hang_the_server() {
    let list: Vec<Value> = (0..2000).map(|index| json!(format!("e{index}"))).collect();
    let parts: Vec<Value> =
        (0..800).map(|index| json!({"name": format!("p{index}"), "size": index})).collect();
    let value = json!({"list": list, "parts": parts, "name": "a".repeat(1 << 20), "min": 1});
    for rule in [
        "self.list.all(a, self.list.all(b, self.list.all(c, a != b || b != c)))",
        "self.parts.all(p, self.parts.exists_one(q, q.name == p.name))",
        "self.list.map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).size() > 0",
        "[self.name].map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).size() == 1",
        "self.name.replace('a', 'bbbbbbbbbbbbbbbbbbbb').replace('b', 'cccccccccccccccccccc').size() > 0",
        "self.list.all(a, self.name.matches('(a+)+$'))",
        "lists.range(1000000).all(a, lists.range(1000000).all(b, a != b))",
        "lists.range(9000000000).size() > 0",
        "self.list.distinct().size() > 0",
        "sets.equivalent(self.list, self.list)",
        "self.list.all(a, a in self.list)",
        "self.list.all(a, self.list == self.list)",
        "self.list.all(a, self.parts[0].name < self.name)",
        "self.name.matches('(a{1000}){' + '1000}')",
        "['%s%s%s%s'].all(f, f.format([self.list, self.list, self.list, self.list]).size() > 0)",
    ] {
        let start = Instant::now();
        let found = check(json!([{"rule": rule, "message": "m"}]), value.clone(), None);
        assert!(start.elapsed().as_secs() < 60, "{rule} took {:?}", start.elapsed());
        assert!(found.len() <= 1, "{rule}: {found:?}");
        println!("{:?} {rule} {found:?}", start.elapsed());
    }
}

#[test]
fn rules_that_cost_too_much_are_the_last_ones() {
    let many: Vec<Value> = (0..3000).map(|index| json!(format!("e{index}"))).collect();
    let dear = "self.list.all(a, self.list.all(b, a != '' || b != ''))";
    let found = check(
        json!([{"rule": dear, "message": "dear"}, {"rule": "false", "message": "never"}]),
        json!({"list": many}),
        None,
    );
    assert_eq!(
        found,
        [
            "spec: Invalid value: \"object\": 'operation cancelled: actual cost limit exceeded': no further validation rules \
          will be run due to call cost exceeds limit for rule: dear"
        ]
    );
    // Each of these fits, all of them do not.
    let rules: Vec<Value> = (0..20)
        .map(|index| json!({"rule": format!("self.list.map(a, a + '{index}').size() == 3000"), "message": "m"}))
        .collect();
    let more = (0..60).flat_map(|_| rules.clone()).collect::<Vec<_>>();
    let mut list = json!({"type": "array", "items": {"type": "string"}});
    list["x-kubernetes-validations"] = more
        .iter()
        .map(|rule| {
            json!({"rule": rule["rule"].as_str().unwrap().replace("self.list", "self"),
            "message": "m"})
        })
        .collect();
    let schema = schema(list).unwrap();
    let found: Vec<String> =
        schema.validate(&json!({"spec": many})).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "spec: Invalid value: \"array\": validation failed due to running out of cost budget, no further validation rules \
          will be run"
        ]
    );
}

#[test]
fn no_expression_overflows_the_stack_of_who_evaluates() {
    let nested =
        |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(36), close.repeat(36));
    let rules = [
        nested("!(", "self.min == 1", ")"),
        nested("dyn(", "self.min == 1", ")"),
        nested("[", "self.min == 1", "][0]"),
        nested("{'a': ", "self.min == 1", "}['a']"),
        nested("true && (", "self.min == 1", ")"),
        nested("self.min == 1 ? (", "true", ") : false"),
        nested("-(", "1", ")") + " == 1",
        (0..18)
            .rev()
            .fold("self.min == 1".to_owned(), |inner, index| format!("['a'].all(x{index}, {inner})")),
    ];
    for rule in rules {
        // As small a stack as a server's threads have.
        let check = move || check(json!([{"rule": rule, "message": "m"}]), json!({"min": 1}), None);
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(check).unwrap();
        assert_eq!(thread.join().unwrap(), [""; 0]);
    }
}
