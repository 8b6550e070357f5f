//! JSON text to values, with a list of the fields that are there twice.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

mod syntax;

/// How many fields that are there twice are listed; Kubernetes stops there too.
const MAX_DUPLICATES: usize = 100;

/// A decoded value.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The value. Of a field that is there twice, the last one counts.
    pub value: Value,
    /// Paths of the fields that are there twice: `spec.replicas`, which Kubernetes calls
    /// `duplicate field "spec.replicas"`. At most a hundred.
    pub duplicates: Vec<String>,
}

/// A text is no JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(String);

/// Decodes JSON text.
///
/// # Errors
/// If it is no JSON, or nested deeper than 127 levels.
pub fn decode(text: &[u8]) -> Result<Decoded, DecodeError> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    decode_from(&mut deserializer)
        .and_then(|decoded| deserializer.end().map(|()| decoded))
        .map_err(|error| DecodeError(syntax::error(text).unwrap_or_else(|| error.to_string())))
}

/// Decodes a value from any format, as YAML. The format bounds how deeply values are nested.
///
/// # Errors
/// Those of the format; and numbers that are none of JSON's (`.nan`).
pub fn decode_from<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decoded, D::Error> {
    let mut duplicates = Vec::new();
    let value = Seed { place: None, duplicates: &mut duplicates }.deserialize(deserializer)?;
    Ok(Decoded { value, duplicates })
}

/// Where a value is. Paths are spelt out only for what is wrong.
#[derive(Clone, Copy)]
struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Field(&'a str),
    Element(usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Field(name) if self.parent.is_some() => write!(f, ".{name}"),
            Step::Field(name) => f.write_str(name),
            Step::Element(index) => write!(f, "[{index}]"),
        }
    }
}

struct Seed<'a> {
    place: Option<&'a Place<'a>>,
    duplicates: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom(format!("{value} is no number of JSON")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        loop {
            let place = Place { parent: self.place, step: Step::Element(elements.len()) };
            match access.next_element_seed(Seed { place: Some(&place), duplicates: self.duplicates })? {
                Some(element) => elements.push(element),
                None => return Ok(Value::Array(elements)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            let place = Place { parent: self.place, step: Step::Field(&name) };
            let value = access.next_value_seed(Seed { place: Some(&place), duplicates: self.duplicates })?;
            if fields.contains_key(&name) && self.duplicates.len() < MAX_DUPLICATES {
                let path = place.to_string();
                if !self.duplicates.contains(&path) {
                    self.duplicates.push(path);
                }
            }
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }

    fn visit_bytes<E: serde::de::Error>(self, _: &[u8]) -> Result<Value, E> {
        Err(E::custom("bytes are no value of JSON"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_are_there_twice_are_listed() {
        let cases: [(&str, &str, &[&str]); 4] = [
            (r#"{"a":1,"b":[{"c":1}]}"#, r#"{"a":1,"b":[{"c":1}]}"#, &[]),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#, &["a"]),
            (r#"{"a":1,"a":2,"a":3}"#, r#"{"a":3}"#, &["a"]),
            (
                r#"{"a":{"b":[0,{"c":1,"c":null}],"d":"x","d":"y"}}"#,
                r#"{"a":{"b":[0,{"c":null}],"d":"y"}}"#,
                &["a.b[1].c", "a.d"],
            ),
        ];
        for (text, value, duplicates) in cases {
            let decoded = decode(text.as_bytes()).unwrap();
            assert_eq!(decoded.value.to_string(), value);
            assert_eq!(decoded.duplicates, duplicates);
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        assert_eq!(decode(b"{\"a\":").unwrap_err().to_string(), "unexpected end of JSON input");
        assert_eq!(decode(b"{} x").unwrap_err().to_string(), "invalid character 'x' after top-level value");
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(decode(deep.as_bytes()).unwrap_err().to_string().starts_with("recursion limit exceeded"));
    }
}
