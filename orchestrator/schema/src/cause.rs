//! Why an object is refused: one [`Cause`] per field.

use std::fmt;

use serde_json::Value;

/// What is wrong with a field, in Kubernetes' words (`StatusDetails.causes[].reason`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CauseReason {
    /// What the field names does not exist.
    NotFound,
    /// The field is missing or empty.
    Required,
    /// The value is there already.
    Duplicate,
    /// The value is malformed or out of range.
    Invalid,
    /// The value is none of a fixed set.
    NotSupported,
    /// The field may not be set, or not be changed.
    Forbidden,
    /// The value is too long.
    TooLong,
    /// The list or map has too many elements.
    TooMany,
    /// The value has the wrong JSON type.
    TypeInvalid,
    /// The check itself failed.
    Internal,
}

impl CauseReason {
    /// How messages begin.
    fn prefix(self) -> &'static str {
        match self {
            Self::NotFound => "Not found",
            Self::Required => "Required value",
            Self::Duplicate => "Duplicate value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::Internal => "Internal error",
        }
    }
}

impl fmt::Display for CauseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "FieldValueNotFound",
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::Internal => "InternalError",
        })
    }
}

/// One thing that is wrong with an object.
///
/// `Display` gives `field: message`, which is how Kubernetes lists causes in the message of a `Status`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cause {
    /// Path of the field, as `spec.containers[0].name`. `<nil>` for the object as a whole, which is how Go prints it.
    pub field: String,
    /// Kind of the fault.
    pub reason: CauseReason,
    /// For people, beginning with the reason: `Invalid value: "x": must be ...`.
    pub message: String,
}

impl Cause {
    fn without_value(reason: CauseReason, field: impl Into<String>, detail: &str) -> Self {
        let prefix = reason.prefix();
        let message = if detail.is_empty() { prefix.to_owned() } else { format!("{prefix}: {detail}") };
        Self { field: path(field.into()), reason, message }
    }

    fn with_value(reason: CauseReason, field: impl Into<String>, value: &Value, detail: &str) -> Self {
        let prefix = reason.prefix();
        let shown = show(value);
        let message = if detail.is_empty() {
            format!("{prefix}: {shown}")
        } else {
            format!("{prefix}: {shown}: {detail}")
        };
        Self { field: path(field.into()), reason, message }
    }

    /// A field that must be set. `detail` may be empty.
    pub fn required(field: impl Into<String>, detail: &str) -> Self {
        Self::without_value(CauseReason::Required, field, detail)
    }

    /// A field that may not be set or changed.
    pub fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self::without_value(CauseReason::Forbidden, field, detail)
    }

    /// A check that could not be made.
    pub fn internal(field: impl Into<String>, detail: &str) -> Self {
        Self::without_value(CauseReason::Internal, field, detail)
    }

    /// A value that is malformed or out of range. `detail` may be empty.
    pub fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self::with_value(CauseReason::Invalid, field, value, detail)
    }

    /// A value of the wrong type.
    pub fn type_invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self::with_value(CauseReason::TypeInvalid, field, value, detail)
    }

    /// A second occurrence of a value.
    pub fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self::with_value(CauseReason::Duplicate, field, value, "")
    }

    /// A reference to what does not exist.
    pub fn not_found(field: impl Into<String>, value: &Value) -> Self {
        Self::with_value(CauseReason::NotFound, field, value, "")
    }

    /// A value that is none of `supported`, which are shown in the order given.
    pub fn not_supported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let detail = if supported.is_empty() {
            String::new()
        } else {
            let quoted: Vec<String> = supported.iter().map(|word| quote(word)).collect();
            format!("supported values: {}", quoted.join(", "))
        };
        Self::with_value(CauseReason::NotSupported, field, value, &detail)
    }

    /// A string of more than `max` bytes.
    pub fn too_long(field: impl Into<String>, max: u64) -> Self {
        Self::without_value(CauseReason::TooLong, field, &format!("may not be more than {max} bytes"))
    }

    /// A list or map of `actual` elements, where `max` are allowed.
    pub fn too_many(field: impl Into<String>, actual: usize, max: u64) -> Self {
        let noun = if max == 1 { "item" } else { "items" };
        Self::with_value(
            CauseReason::TooMany,
            field,
            &actual.into(),
            &format!("must have at most {max} {noun}"),
        )
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

/// A path as causes have it.
fn path(field: String) -> String {
    if field.is_empty() { "<nil>".to_owned() } else { field }
}

/// A value as messages show it: JSON, with strings quoted as Go's `%q` does.
fn show(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        // Go's nil becomes this text before it is quoted.
        Value::Null => "\"null\"".into(),
        other => other.to_string(),
    }
}

/// A string in quotes with Go's escapes.
pub fn quote(text: &str) -> String {
    use fmt::Write as _;
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            c if u32::from(c) < 0x20 || u32::from(c) == 0x7f => {
                // Writing to a String cannot fail.
                let _ = write!(quoted, "\\x{:02x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_are_kubernetes_words() {
        let cases = [
            (Cause::required("spec.containers", ""), "spec.containers: Required value"),
            (Cause::invalid("a", &json!("x\n"), "bad"), r#"a: Invalid value: "x\n": bad"#),
            (Cause::invalid("a", &json!(3), ""), "a: Invalid value: 3"),
            (Cause::invalid("a", &json!({"b": "c"}), "d"), r#"a: Invalid value: {"b":"c"}: d"#),
            (Cause::invalid("a", &Value::Null, "d"), "a: Invalid value: \"null\": d"),
            (
                Cause::not_supported("a", &json!("x"), &["b", "c"]),
                r#"a: Unsupported value: "x": supported values: "b", "c""#,
            ),
            (Cause::duplicate("a[1]", &json!("x")), r#"a[1]: Duplicate value: "x""#),
            (Cause::forbidden("a", "no"), "a: Forbidden: no"),
            (Cause::too_long("a", 63), "a: Too long: may not be more than 63 bytes"),
            (Cause::too_many("a", 3, 1), "a: Too many: 3: must have at most 1 item"),
        ];
        for (cause, text) in cases {
            assert_eq!(cause.to_string(), text);
        }
        assert_eq!(CauseReason::TypeInvalid.to_string(), "FieldValueTypeInvalid");
    }
}
