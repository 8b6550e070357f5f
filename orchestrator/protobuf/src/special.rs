//! Messages whose JSON is not an object of their fields.

use jiff::Timestamp;
use serde_json::Value;

use crate::message::{Bounds, object};
use crate::table::{Kind, Message};
use crate::wire::{Reader, Wire, value};
use crate::{DecodeError, envelope};

/// Decodes a message of a special kind.
pub(crate) fn decode(kind: &Kind, bytes: &[u8], bounds: &mut Bounds) -> Result<Value, DecodeError> {
    match kind {
        Kind::Time => time(bytes, "%Y-%m-%dT%H:%M:%SZ"),
        Kind::MicroTime => time(bytes, "%Y-%m-%dT%H:%M:%S%.6fZ"),
        Kind::Quantity => {
            let text = last(bytes, 1)?.map(Wire::text).transpose()?;
            Ok(text.unwrap_or("0").into())
        }
        Kind::IntOrString => int_or_string(bytes),
        Kind::Json => json(bytes, bounds),
        Kind::Strings => strings(bytes, 1),
        Kind::SchemaOrBool(schema) => match last(bytes, 2)? {
            Some(wire) => object(schema, wire.bytes()?, bounds),
            None => {
                let allows = last(bytes, 1)?.map(Wire::varint).transpose()?;
                Ok(Value::Bool(allows.is_some_and(|allows| allows != 0)))
            }
        },
        Kind::SchemaOrList(schema) => {
            let list = schemas(schema, bytes, bounds)?;
            if list.is_empty() { one_schema(schema, bytes, bounds) } else { Ok(Value::Array(list)) }
        }
        Kind::SchemaOrStrings(schema) => match strings(bytes, 2)? {
            Value::Null => one_schema(schema, bytes, bounds),
            list => Ok(list),
        },
        // The others are not special.
        Kind::Bool
        | Kind::Int32
        | Kind::Int64
        | Kind::Double
        | Kind::String
        | Kind::Bytes
        | Kind::Nested(_) => Ok(Value::Null),
    }
}

/// The last value of a tag.
fn last(bytes: &[u8], wanted: u32) -> Result<Option<Wire<'_>>, DecodeError> {
    let (mut reader, mut found) = (Reader::new(bytes), None);
    while let Some((tag, wire)) = reader.next()? {
        if tag == wanted {
            found = Some(wire);
        }
    }
    Ok(found)
}

fn time(bytes: &[u8], format: &str) -> Result<Value, DecodeError> {
    // Go's zero time is an empty message; the first second of 1970 is not.
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let number = |tag| Ok(last(bytes, tag)?.map(Wire::varint).transpose()?.unwrap_or(0).cast_signed());
    let out_of_range = || value("the time is out of range");
    let nanoseconds = i32::try_from(number(2)?).map_err(|_| out_of_range())?;
    let time = Timestamp::new(number(1)?, nanoseconds).map_err(|_| out_of_range())?;
    Ok(time.strftime(format).to_string().into())
}

fn int_or_string(bytes: &[u8]) -> Result<Value, DecodeError> {
    match last(bytes, 1)?.map(Wire::varint).transpose()?.unwrap_or(0) {
        0 => {
            let number = last(bytes, 2)?.map(Wire::varint).transpose()?.unwrap_or(0).cast_signed();
            Ok(i32::try_from(number).map_err(|_| value("the number does not fit into 32 bits"))?.into())
        }
        1 => Ok(last(bytes, 3)?.map(Wire::text).transpose()?.unwrap_or("").into()),
        _ => Err(value("neither a number nor a string")),
    }
}

fn json(bytes: &[u8], bounds: &mut Bounds) -> Result<Value, DecodeError> {
    let raw = last(bytes, 1)?.map(Wire::bytes).transpose()?.unwrap_or(&[]);
    if raw.is_empty() {
        return Ok(Value::Null);
    }
    // An object within an object may be encoded as the whole is.
    if raw.starts_with(envelope::MAGIC) {
        return bounds.below(|bounds| envelope::open(raw, bounds));
    }
    let decoded: Value = serde_json::from_slice(raw).map_err(|_| value("the bytes are no JSON"))?;
    bounds.admit(&decoded)?;
    Ok(decoded)
}

fn strings(bytes: &[u8], wanted: u32) -> Result<Value, DecodeError> {
    let (mut reader, mut list) = (Reader::new(bytes), Vec::new());
    while let Some((tag, wire)) = reader.next()? {
        if tag == wanted {
            list.push(Value::from(wire.text()?));
        }
    }
    Ok(if list.is_empty() { Value::Null } else { Value::Array(list) })
}

fn one_schema(schema: &Message, bytes: &[u8], bounds: &mut Bounds) -> Result<Value, DecodeError> {
    match last(bytes, 1)? {
        Some(wire) => object(schema, wire.bytes()?, bounds),
        None => Ok(Value::Null),
    }
}

fn schemas(schema: &Message, bytes: &[u8], bounds: &mut Bounds) -> Result<Vec<Value>, DecodeError> {
    let (mut reader, mut list) = (Reader::new(bytes), Vec::new());
    while let Some((tag, wire)) = reader.next()? {
        if tag == 2 {
            list.push(bounds.below(|bounds| object(schema, wire.bytes()?, bounds))?);
        }
    }
    Ok(list)
}
