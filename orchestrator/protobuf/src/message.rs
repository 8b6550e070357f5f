//! Messages to JSON objects.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Map, Number, Value};

use crate::DecodeError;
use crate::special;
use crate::table::{Field, Kind, Message, Presence, Shape};
use crate::wire::{Reader, Wire, value};

/// Deepest nesting of the JSON, which is what a JSON parser takes too.
const MAX_DEPTH: usize = 128;

/// Most JSON values in one body. Few bytes can stand for many values, because Go's JSON shows structs that are empty.
const MAX_VALUES: usize = 250_000;

/// What is left to be used.
pub(crate) struct Bounds {
    values: usize,
    depth: usize,
}

impl Bounds {
    pub(crate) fn new() -> Self {
        Self { values: MAX_VALUES, depth: MAX_DEPTH }
    }

    fn count(&mut self) -> Result<(), DecodeError> {
        let left = self.values.checked_sub(1);
        self.values = left.ok_or_else(|| too_large("more than 250000 values"))?;
        Ok(())
    }

    /// Does something one level further down.
    pub(crate) fn below<T>(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        self.depth = self.depth.checked_sub(1).ok_or_else(|| too_large("more than 128 levels"))?;
        let result = act(self);
        self.depth += 1;
        result
    }

    /// Counts a value that was made at once.
    pub(crate) fn admit(&mut self, value: &Value) -> Result<(), DecodeError> {
        self.count()?;
        match value {
            Value::Object(object) => {
                self.below(|bounds| object.values().try_for_each(|value| bounds.admit(value)))
            }
            Value::Array(list) => self.below(|bounds| list.iter().try_for_each(|value| bounds.admit(value))),
            _ => Ok(()),
        }
    }
}

fn too_large(reason: &'static str) -> DecodeError {
    DecodeError::TooLarge { field: String::new(), reason }
}

/// Decodes a message as a JSON object.
pub(crate) fn object(message: &Message, bytes: &[u8], bounds: &mut Bounds) -> Result<Value, DecodeError> {
    bounds.below(|bounds| {
        let mut object = Map::new();
        fields(message, bytes, &mut object, bounds)?;
        Ok(Value::Object(object))
    })
}

/// Decodes the fields of a message into `object`, and completes it with those that are not on the wire.
pub(crate) fn fields(
    message: &Message,
    bytes: &[u8],
    object: &mut Map<String, Value>,
    bounds: &mut Bounds,
) -> Result<(), DecodeError> {
    let mut reader = Reader::new(bytes);
    while let Some((tag, wire)) = reader.next()? {
        // Newer clients send fields that are not known; what they mean is known to nobody here.
        let Ok(index) = message.0.binary_search_by_key(&tag, |field| field.0) else { continue };
        if let Some(field) = message.0.get(index) {
            read(field, wire, object, bounds).map_err(|error| error.below(field.1))?;
        }
    }
    for field in message.0 {
        complete(field, object, bounds).map_err(|error| error.below(field.1))?;
    }
    Ok(())
}

fn read(
    Field(_, name, presence, shape, kind): &Field,
    wire: Wire<'_>,
    object: &mut Map<String, Value>,
    bounds: &mut Bounds,
) -> Result<(), DecodeError> {
    match (shape, kind) {
        (Shape::One, Kind::Nested(message)) if *presence == Presence::Inline => {
            fields(message, wire.bytes()?, object, bounds)
        }
        (Shape::One, _) => {
            let value = one(kind, wire, bounds)?;
            // What was there may be zero again: the last one counts.
            if *presence == Presence::OmitZero && is_zero(&value) {
                object.remove(*name);
            } else {
                object.insert((*name).to_owned(), value);
            }
            Ok(())
        }
        (Shape::List, _) => {
            let Value::Array(list) = object.entry(*name).or_insert_with(|| Value::Array(Vec::new())) else {
                return Ok(());
            };
            if let (Kind::Int32 | Kind::Int64, Wire::Bytes(bytes)) = (kind, wire) {
                let mut packed = Reader::new(bytes);
                while let Some(number) = packed.packed()? {
                    list.push(one(kind, Wire::Varint(number), bounds)?);
                }
                return Ok(());
            }
            let index = list.len();
            let item = bounds.below(|bounds| one(kind, wire, bounds));
            list.push(item.map_err(|error| error.at(index))?);
            Ok(())
        }
        (Shape::Map, _) => {
            let (mut key, mut found) = (String::new(), None);
            let mut entry = Reader::new(wire.bytes()?);
            while let Some((tag, wire)) = entry.next()? {
                match tag {
                    1 => wire.text()?.clone_into(&mut key),
                    2 => found = Some(wire),
                    _ => {}
                }
            }
            let item = bounds.below(|bounds| match found {
                Some(wire) => one(kind, wire, bounds),
                None => zero(kind, bounds),
            });
            let item = item.map_err(|error| error.below(&key.escape_debug().to_string()))?;
            if let Value::Object(map) = object.entry(*name).or_insert_with(|| Value::Object(Map::new())) {
                map.insert(key, item);
            }
            Ok(())
        }
    }
}

/// Adds what Go's JSON shows although it is not on the wire.
fn complete(
    Field(_, name, presence, shape, kind): &Field,
    object: &mut Map<String, Value>,
    bounds: &mut Bounds,
) -> Result<(), DecodeError> {
    match (presence, kind) {
        (Presence::Inline, Kind::Nested(message)) => return fields(message, &[], object, bounds),
        (Presence::Always | Presence::Nullable, _) if object.contains_key(*name) => return Ok(()),
        _ => {}
    }
    let value = match (presence, shape) {
        (Presence::Always, Shape::One) => zero(kind, bounds)?,
        (Presence::Always | Presence::Nullable, _) => Value::Null,
        _ => return Ok(()),
    };
    object.insert((*name).to_owned(), value);
    Ok(())
}

/// One value.
fn one(kind: &Kind, wire: Wire<'_>, bounds: &mut Bounds) -> Result<Value, DecodeError> {
    bounds.count()?;
    Ok(match kind {
        Kind::Bool => Value::Bool(wire.varint()? != 0),
        Kind::Int32 => {
            let number = i32::try_from(wire.varint()?.cast_signed());
            number.map_err(|_| value("the number does not fit into 32 bits"))?.into()
        }
        Kind::Int64 => wire.varint()?.cast_signed().into(),
        Kind::Double => match wire {
            Wire::Fixed64(bits) => Number::from_f64(f64::from_bits(bits))
                .map(Value::Number)
                .ok_or_else(|| value("the number is not finite"))?,
            other => return Err(other.unexpected("a floating point number")),
        },
        Kind::String => wire.text()?.into(),
        Kind::Bytes => BASE64.encode(wire.bytes()?).into(),
        Kind::Nested(message) => object(message, wire.bytes()?, bounds)?,
        _ => special::decode(kind, wire.bytes()?, bounds)?,
    })
}

/// What a value is that is not on the wire.
fn zero(kind: &Kind, bounds: &mut Bounds) -> Result<Value, DecodeError> {
    bounds.count()?;
    Ok(match kind {
        Kind::Bool => Value::Bool(false),
        Kind::Int32 | Kind::Int64 => 0.into(),
        Kind::Double => 0.0.into(),
        Kind::String => "".into(),
        Kind::Bytes => Value::Null,
        Kind::Nested(message) => object(message, &[], bounds)?,
        _ => special::decode(kind, &[], bounds)?,
    })
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(_) => false,
    }
}
