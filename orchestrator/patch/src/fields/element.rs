//! One step of a path.

use std::fmt;

use serde_json::Value;

/// One step of a path to a field.
///
/// Keys and values are kept as compact JSON text with sorted keys, which makes equal what is equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathElement {
    /// A field of an object: `f:name`.
    Field(Box<str>),
    /// The element of a list with these keys: `k:{"name":"web"}`.
    Key(Box<str>),
    /// The element of a list with this value: `v:"x"`.
    Value(Box<str>),
    /// The element of a list at this place: `i:0`.
    Index(i64),
}

impl PathElement {
    /// The element of a list with this value.
    pub fn value(value: &Value) -> Self {
        Self::Value(value.to_string().into())
    }

    /// The element of a list with these keys.
    pub fn keys(keys: serde_json::Map<String, Value>) -> Self {
        Self::Key(Value::Object(keys).to_string().into())
    }

    /// Reads the key of a FieldsV1 object. `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_at_checked(2)?;
        match kind {
            "f:" => Some(Self::Field(rest.into())),
            "k:" => {
                let keys: Value = serde_json::from_str(rest).ok()?;
                keys.as_object().filter(|keys| !keys.is_empty())?;
                Some(Self::Key(keys.to_string().into()))
            }
            "v:" => {
                let value: Value = serde_json::from_str(rest).ok()?;
                Some(Self::value(&value))
            }
            "i:" => rest.parse().ok().map(Self::Index),
            _ => None,
        }
    }

    /// The key of a FieldsV1 object.
    pub fn key(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(keys) => format!("k:{keys}"),
            Self::Value(value) => format!("v:{value}"),
            Self::Index(index) => format!("i:{index}"),
        }
    }
}

/// As in conflicts: `.name`, `[name="web",port=80]`, `[="x"]`, `[0]`.
impl fmt::Display for PathElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Value(value) => write!(f, "[={value}]"),
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Key(text) => {
                // The text was made from an object.
                let keys: serde_json::Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
                for (index, (key, value)) in keys.iter().enumerate() {
                    let before = if index == 0 { '[' } else { ',' };
                    write!(f, "{before}{key}={value}")?;
                }
                f.write_str("]")
            }
        }
    }
}
