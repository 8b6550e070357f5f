//! Which types operators and functions take, and what they give.
//!
//! Only what is known for sure is refused: a value whose type is not known fits everywhere, and is looked at when the
//! rule runs.

use kube_cel::cel::{
    Value,
    common::ast::{LiteralValue, operators},
};

use crate::{Schema, Type};

/// A type of CEL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Duration,
    Timestamp,
    List,
    /// Maps, and objects with fields.
    Map,
    /// What `type` gives.
    Type,
}

use Plain::{
    Bool, Bytes, Double, Duration, Int, List, Map, Null, String as Text, Timestamp, Type as Kind, Uint,
};

/// Types by their names in expressions. As values they are texts that no other value is compared with.
const NAMED: [(&str, &str); 13] = [
    ("bool", "type(bool)"),
    ("bytes", "type(bytes)"),
    ("double", "type(double)"),
    ("google.protobuf.Duration", "type(duration)"),
    ("google.protobuf.Timestamp", "type(timestamp)"),
    ("int", "type(int)"),
    ("list", "type(list)"),
    ("map", "type(map)"),
    ("null_type", "type(null)"),
    ("optional_type", "type(optional)"),
    ("string", "type(string)"),
    ("type", "type(type)"),
    ("uint", "type(uint)"),
];

/// The value of a type's name.
pub(super) fn named(name: &str) -> Option<&'static str> {
    NAMED.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// The value of the type of a value.
pub(super) fn of_value(value: &Value) -> &'static str {
    let name = match value {
        Value::List(_) => "list",
        Value::Map(_) => "map",
        Value::Int(_) => "int",
        Value::UInt(_) => "uint",
        Value::Float(_) => "double",
        Value::String(_) => "string",
        Value::Bytes(_) => "bytes",
        Value::Bool(_) => "bool",
        Value::Duration(_) => "google.protobuf.Duration",
        Value::Timestamp(_) => "google.protobuf.Timestamp",
        Value::Null => "null_type",
        Value::Opaque(_) => "optional_type",
        Value::Function(..) => "type",
    };
    named(name).unwrap_or_default()
}

impl Plain {
    /// CEL's name.
    pub(super) fn word(self) -> &'static str {
        match self {
            Null => "null",
            Bool => "bool",
            Int => "int",
            Uint => "uint",
            Double => "double",
            Text => "string",
            Bytes => "bytes",
            Duration => "google.protobuf.Duration",
            Timestamp => "google.protobuf.Timestamp",
            List => "list",
            Map => "map",
            Kind => "type",
        }
    }

    pub(super) fn of_literal(literal: &LiteralValue) -> Self {
        match literal {
            LiteralValue::Boolean(_) => Bool,
            LiteralValue::Bytes(_) => Bytes,
            LiteralValue::Double(_) => Double,
            LiteralValue::Int(_) => Int,
            LiteralValue::Null => Null,
            LiteralValue::String(_) => Text,
            LiteralValue::UInt(_) => Uint,
        }
    }

    /// The type of what a schema describes, if it can be but one.
    pub(super) fn of_schema(schema: &Schema) -> Option<Self> {
        if schema.nullable() { None } else { Self::of_values(schema) }
    }

    /// The type of what a schema describes, if it is not null.
    pub(super) fn of_values(schema: &Schema) -> Option<Self> {
        match schema.kind() {
            Type::Boolean => Some(Bool),
            Type::Integer => Some(Int),
            Type::Number => Some(Double),
            Type::Array => Some(List),
            Type::Object => Some(Map),
            Type::String => Some(match schema.format() {
                Some("date-time" | "date") => Timestamp,
                Some("duration") => Duration,
                Some("byte") => Bytes,
                _ => Text,
            }),
            Type::Any | Type::IntOrString | Type::Quantity => None,
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Int | Uint | Double)
    }

    /// Whether `==` takes both. Null is equal to, or not, what may be absent as a whole.
    fn equals(self, other: Self) -> bool {
        match (self, other) {
            (Null, other) | (other, Null) => matches!(other, Null | Map | Duration | Timestamp),
            _ => self == other,
        }
    }

    /// Whether `<` takes both. Numbers of all types have one order.
    fn compares_with(self, other: Self) -> bool {
        self == other || self.is_number() && other.is_number()
    }
}

/// What an operator gives.
///
/// # Errors
/// In CEL's words, that it does not take what it is given.
pub(super) fn operator(function: &str, given: &[Option<Plain>]) -> Result<Option<Plain>, String> {
    let one_of = |kind: Option<Plain>, kinds: &[Plain]| kind.is_none_or(|kind| kinds.contains(&kind));
    let (fits, gives) = match (function, given) {
        (operators::LOGICAL_NOT, [a]) => (one_of(*a, &[Bool]), Some(Bool)),
        (operators::LOGICAL_AND | operators::LOGICAL_OR, [a, b]) => {
            (one_of(*a, &[Bool]) && one_of(*b, &[Bool]), Some(Bool))
        }
        (operators::CONDITIONAL, [condition, a, b]) => {
            let same = match (a, b) {
                (Some(a), Some(b)) => a == b || *a == Null || *b == Null,
                _ => true,
            };
            (one_of(*condition, &[Bool]) && same, a.filter(|_| a == b))
        }
        (operators::NEGATE, [a]) => (one_of(*a, &[Int, Double, Duration]), *a),
        (operators::EQUALS | operators::NOT_EQUALS, [a, b]) => {
            (a.zip(*b).is_none_or(|(a, b)| a.equals(b)), Some(Bool))
        }
        (
            operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
            [a, b],
        ) => {
            let ordered = [Bool, Int, Uint, Double, Text, Bytes, Duration, Timestamp];
            let both = a.zip(*b).is_none_or(|(a, b)| a.compares_with(b));
            (one_of(*a, &ordered) && one_of(*b, &ordered) && both, Some(Bool))
        }
        (operators::IN, [_, b]) => (one_of(*b, &[List, Map]), Some(Bool)),
        (operators::INDEX, [a, _]) => (one_of(*a, &[List, Map]), None),
        (
            operators::ADD
            | operators::SUBSTRACT
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO,
            [a, b],
        ) => match a.zip(*b) {
            Some((a, b)) => {
                let gives = arithmetic(function, a, b);
                (gives.is_some(), gives)
            }
            None => {
                let never = [Null, Bool, Map, Kind];
                (a.or(*b).is_none_or(|known| !never.contains(&known)), None)
            }
        },
        _ => (true, None),
    };
    if fits { Ok(gives) } else { Err(mismatch(function, None, given)) }
}

/// What arithmetic on two values of known types gives, if it is possible.
fn arithmetic(function: &str, a: Plain, b: Plain) -> Option<Plain> {
    match (function, a, b) {
        (operators::MODULO, Int | Uint, _) if a == b => Some(a),
        (operators::MODULO, ..) => None,
        (_, Int | Uint | Double, _) if a == b => Some(a),
        (operators::ADD, Text | Bytes | List | Duration, _) if a == b => Some(a),
        (operators::ADD, Timestamp, Duration) | (operators::ADD, Duration, Timestamp) => Some(Timestamp),
        (operators::SUBSTRACT, Timestamp, Timestamp) | (operators::SUBSTRACT, Duration, Duration) => {
            Some(Duration)
        }
        (operators::SUBSTRACT, Timestamp, Duration) => Some(Timestamp),
        _ => None,
    }
}

/// What a function or method gives. `receiver` is what the method is called on.
///
/// # Errors
/// In CEL's words, that it does not take what it is given.
pub(super) fn function(
    word: &str,
    receiver: Option<Option<Plain>>,
    given: &[Option<Plain>],
) -> Result<Option<Plain>, String> {
    // What it is about: what it is called on, or else its first argument.
    let subject = receiver.unwrap_or_else(|| given.first().copied().flatten());
    let texts: &[Plain] = &[Text];
    if subject == Some(Kind) && !matches!(word, "dyn" | "type") {
        return Err(mismatch(word, receiver, given));
    }
    let (subjects, gives): (&[Plain], _) = match word {
        "size" => (&[Text, Bytes, List, Map], Some(Int)),
        "startsWith" | "endsWith" | "contains" | "matches" => (texts, Some(Bool)),
        "lowerAscii" | "upperAscii" | "trim" | "charAt" | "substring" | "replace" | "find" | "format" => {
            (texts, Some(Text))
        }
        "split" | "findAll" => (texts, Some(List)),
        "indexOf" | "lastIndexOf" => (&[Text, List], Some(Int)),
        "join" => (&[List], Some(Text)),
        "timestamp" => (&[Text, Int, Timestamp], Some(Timestamp)),
        "duration" => (&[Text, Int, Duration], Some(Duration)),
        "isIP" | "isCIDR" | "isURL" | "isQuantity" => (texts, Some(Bool)),
        "hasValue" | "isGreaterThan" | "isLessThan" | "containsIP" | "containsCIDR" => {
            return Ok(Some(Bool));
        }
        "type" => return Ok(Some(Kind)),
        "string" => return Ok(Some(Text)),
        "int" => return Ok(Some(Int)),
        "uint" => return Ok(Some(Uint)),
        "double" => return Ok(Some(Double)),
        _ => return Ok(None),
    };
    let text_wanted =
        receiver.is_some() && matches!(word, "startsWith" | "endsWith" | "contains" | "matches");
    let fits = subject.is_none_or(|subject| subjects.contains(&subject))
        && (!text_wanted || given.first().copied().flatten().is_none_or(|given| given == Text));
    if fits { Ok(gives) } else { Err(mismatch(word, receiver, given)) }
}

fn mismatch(function: &str, receiver: Option<Option<Plain>>, given: &[Option<Plain>]) -> String {
    let word = |kind: &Option<Plain>| kind.map_or("dyn", Plain::word);
    let receiver = receiver.map(|receiver| format!("{}.", word(&receiver))).unwrap_or_default();
    let given: Vec<&str> = given.iter().map(word).collect();
    format!("found no matching overload for '{function}' applied to '{receiver}({})'", given.join(", "))
}
