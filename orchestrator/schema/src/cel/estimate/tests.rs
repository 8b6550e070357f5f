use serde_json::{Value, json};

use crate::Schema;

/// What a rule on a place costs.
fn cost(mut place: Value, rule: &str) -> u64 {
    place["x-kubernetes-validations"] = json!([{"rule": rule, "message": "m"}]);
    let schema = Schema::from_crd(&json!({"type": "object", "properties": {"it": place}}), "s").unwrap();
    schema.property("it").unwrap().0.checks.as_ref().unwrap().rules[0].cost
}

fn array(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

fn map(values: Value) -> Value {
    json!({"type": "object", "additionalProperties": values})
}

/// The figures are those that Kubernetes comes to.
#[test]
fn costs_are_those_of_kubernetes() {
    let (number, text, flag) =
        (json!({"type": "number"}), json!({"type": "string"}), json!({"type": "boolean"}));
    let short = json!({"type": "string", "maxLength": 10});
    let part = json!({
        "type": "object",
        "required": ["required"],
        "properties": {"required": {"type": "string"}, "optional": {"type": "string"}},
    });
    let of_format = |format: &str| json!({"type": "string", "format": format});
    let at_most = |mut place: Value, word: &str, most: u64| {
        place[word] = most.into();
        place
    };
    let either = json!({"x-kubernetes-int-or-string": true});
    for (place, rule, expected) in [
        // Lists and maps: three for a turn of all(), and two around it.
        (array(number.clone()), "self.all(x, true)", 4_718_591),
        (at_most(array(number.clone()), "maxItems", 10), "self.all(x, true)", 32),
        (array(text.clone()), "self.all(x, true)", 3_145_727),
        (array(flag.clone()), "self.all(x, true)", 1_887_437),
        (array(array(number.clone())), "self.all(x, true)", 3_145_727),
        (array(part.clone()), "self.all(x, true)", 555_128),
        (map(number.clone()), "self.all(x, true)", 1_348_169),
        (map(text.clone()), "self.all(x, true)", 1_179_647),
        (at_most(map(text.clone()), "maxProperties", 3), "self.all(x, true)", 11),
        (map(flag), "self.all(x, true)", 943_718),
        (map(part.clone()), "self.all(x, true)", 428_963),
        (map(array(number.clone())), "self.all(x, true)", 1_179_647),
        (array(of_format("duration")), "self.all(x, true)", 2_359_295),
        (array(of_format("date")), "self.all(x, true)", 725_936),
        (array(of_format("date-time")), "self.all(x, true)", 428_963),
        (array(either.clone()), "self.all(x, true)", 4_718_591),
        (array(number.clone()), "self.all(x, x == 0.0)", 6_291_454),
        (at_most(array(number.clone()), "maxItems", 10), "self.all(x, self.all(y, true))", 352),
        (at_most(array(number.clone()), "maxItems", 10), "self.all(x, self.all(y, self.all(z, true)))", 3552),
        (array(map(number.clone())), "self.all(x, x.y == 25.2)", 6_291_452),
        (array(map(part)), "self.all(x, x['y'].required == 'z')", 7_340_027),
        // Elements that are named one by one.
        (array(number.clone()), "self[1] == 0.0", 2),
        (array(text.clone()), "self[1] == self[1]", 314_577),
        (array(either), "self[0] == 5", 3),
        (array(array(number.clone())), "self[0][0] == -1.0", 3),
        (array(map(number.clone())), "self[0].x > 2.0", 4),
        (array(of_format("duration")), "self[0].getHours() == 2", 4),
        (map(of_format("date-time")), "self['a'] == self['b']", 8),
        (map(json!({"type": "integer"})), "oldSelf.size() == self.size()", 5),
        // Texts.
        (text.clone(), "self.contains('test')", 314_574),
        (short.clone(), "self.contains('test')", 5),
        (text.clone(), "self.startsWith('test')", 2),
        (text.clone(), "size(self + 'hello') > size('hello')", 314_578),
        (text.clone(), "self.matches('x')", 314_574),
        (at_most(text.clone(), "maxLength", 50), "self.matches('x')", 22),
        (text.clone(), "self.matches('')", 1),
        (text.clone(), "''.matches('(((((((((())))))))))[0-9]')", 7),
        (text.clone(), "self.find('[0-9]+') == ''", 629_147),
        (text.clone(), "self == 'x'", 2),
        (at_most(text.clone(), "maxLength", 0), "self == 'x'", 1),
        (text.clone(), "self.lowerAscii() == 'lower!'", 314_575),
        (json!({"type": "string", "enum": ["A", "LongValue"]}), "self.contains('A')", 2),
        // Functions of lists of texts.
        (array(text.clone()), "self.join(' ') == 'aa bb'", 329_853_068_905),
        (at_most(array(short.clone()), "maxItems", 10), "self.join(' ') == 'aa bb'", 43),
        (array(text), "self.isSorted() == true", 329_854_432_052),
        (at_most(array(short), "maxItems", 10), "self.isSorted() == true", 52),
    ] {
        assert_eq!(cost(place.clone(), rule), expected, "{rule} on {place}");
    }
}

#[test]
fn costs_of_texts_in_fields() {
    let place = |most: Option<u64>| {
        let text =
            most.map_or(json!({"type": "string"}), |most| json!({"type": "string", "maxLength": most}));
        json!({"type": "object", "properties": {
            "str": text, "separator": text,
            "before": {"type": "string", "maxLength": 2}, "after": {"type": "string", "maxLength": 4},
        }})
    };
    for (most, rule, expected) in [
        (None, "self.str.replace(self.before, self.after) == 'does not matter'", 629_154),
        (Some(4), "self.str.replace(self.before, self.after) == 'does not matter'", 12),
        (None, "self.str.split(self.separator) == []", 629_160),
        (Some(10), "self.str.split(self.separator) == []", 22),
    ] {
        assert_eq!(cost(place(most), rule), expected, "{rule} on {most:?}");
    }
}
