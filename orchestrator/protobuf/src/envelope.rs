//! What a body is wrapped in: `k8s\0` and a message with the kind and the object.

use serde_json::{Map, Value};

use crate::message::{Bounds, fields};
use crate::wire::Reader;
use crate::{DecodeError, table};

/// What every body begins with.
pub(crate) const MAGIC: &[u8] = b"k8s\0";

/// Decodes a wrapped object.
pub(crate) fn open(body: &[u8], bounds: &mut Bounds) -> Result<Value, DecodeError> {
    let rest = body.strip_prefix(MAGIC).ok_or(DecodeError::NoMagic)?;
    let (mut api_version, mut kind, mut raw) = ("", "", &[][..]);
    let mut wrapper = Reader::new(rest);
    while let Some((tag, wire)) = wrapper.next()? {
        match tag {
            1 => {
                let mut names = Reader::new(wire.bytes()?);
                while let Some((tag, wire)) = names.next()? {
                    match tag {
                        1 => api_version = wire.text()?,
                        2 => kind = wire.text()?,
                        _ => {}
                    }
                }
            }
            2 => raw = wire.bytes()?,
            _ => {}
        }
    }
    if api_version.is_empty() || kind.is_empty() {
        return Err(DecodeError::NoKind);
    }
    let message = table::find(api_version, kind).ok_or_else(|| DecodeError::UnknownKind {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
    })?;
    let mut object = Map::new();
    object.insert("apiVersion".to_owned(), api_version.into());
    object.insert("kind".to_owned(), kind.into());
    fields(message, raw, &mut object, bounds)?;
    Ok(Value::Object(object))
}
