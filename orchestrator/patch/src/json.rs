//! JSON patch (RFC 6902) and JSON merge patch (RFC 7386).

use json_patch::{Patch, PatchOperation, jsonptr::Pointer};
use serde_json::Value;

use crate::PatchError;
use crate::error::{OBJECT, cannot_unmarshal};

/// Most operations in a JSON patch.
pub const MAX_OPERATIONS: usize = 10_000;
/// Most bytes (as JSON text) that the `copy` operations of one patch may add.
pub const MAX_COPIED_BYTES: usize = 3 << 20;
/// Deepest nesting of a patched object, which is what the JSON parser takes too.
pub const MAX_DEPTH: usize = 128;
/// Most values that one patch looks at to keep the two bounds above, and that it shifts: `copy` and `move` take a whole
/// subtree along, and what is put into a list moves all that comes after it.
const MAX_VISITED: usize = 5_000_000;
/// Shifting is quicker than looking by about this factor.
const SHIFTS_PER_VISIT: usize = 16;

/// Applies a JSON patch.
///
/// All operations are applied, or none is: `object` stays as it is.
///
/// # Errors
/// See [`PatchError`].
pub fn json_patch(object: &Value, patch: &[u8]) -> Result<Value, PatchError> {
    let operations = read(patch)?;
    let mut patched = object.clone();
    let mut bounds = Bounds { copied: MAX_COPIED_BYTES, visited: MAX_VISITED };
    for (index, operation) in operations.0.iter().enumerate() {
        bounds.check(&patched, operation).map_err(|reason| unprocessable(index, operation.path(), reason))?;
        if let PatchOperation::Test(test) = operation {
            // Kubernetes' servers let a test for null pass where nothing is.
            if test.value.is_null() && patched.pointer(test.path.as_str()).is_none() {
                continue;
            }
        }
        json_patch::patch_unsafe(&mut patched, std::slice::from_ref(operation))
            .map_err(|error| unprocessable(index, operation.path(), &error.kind.to_string()))?;
    }
    Ok(patched)
}

fn unprocessable(index: usize, path: &Pointer, reason: &str) -> PatchError {
    PatchError::Unprocessable(format!("operation {index} at {:?}: {reason}", path.as_str()))
}

fn parse(patch: &[u8]) -> Result<Value, PatchError> {
    let decoded = guideway_schema::decode(patch);
    decoded.map(|decoded| decoded.value).map_err(|error| PatchError::Malformed(error.to_string()))
}

/// Reads the operations. What is no list of objects is malformed; an operation that cannot be done is found when it is to
/// be applied.
fn read(patch: &[u8]) -> Result<Patch, PatchError> {
    let list = parse(patch)?;
    let Some(operations) = list.as_array() else {
        return Err(PatchError::Malformed(cannot_unmarshal(&list, "[]handlers.jsonPatchOp")));
    };
    if let Some(other) = operations.iter().find(|one| !one.is_object()) {
        return Err(PatchError::Malformed(cannot_unmarshal(other, "handlers.jsonPatchOp")));
    }
    if operations.len() > MAX_OPERATIONS {
        return Err(PatchError::TooManyOperations { operations: operations.len(), limit: MAX_OPERATIONS });
    }
    let operations = operations.iter().enumerate().map(|(index, operation)| {
        serde_json::from_value(operation.clone())
            .map_err(|error| PatchError::Unprocessable(format!("operation {index}: {error}")))
    });
    operations.collect::<Result<_, _>>().map(Patch)
}

struct Bounds {
    copied: usize,
    visited: usize,
}

impl Bounds {
    /// Refuses an operation that would make the object too deep or copy too much.
    fn check(&mut self, object: &Value, operation: &PatchOperation) -> Result<(), &'static str> {
        for path in changed(operation).into_iter().flatten() {
            let parent = path.split_back().and_then(|(parent, _)| object.pointer(parent.as_str()));
            let length = parent.and_then(Value::as_array).map_or(0, Vec::len);
            self.visit(length / SHIFTS_PER_VISIT)?;
        }
        let (value, path) = match operation {
            PatchOperation::Remove(_) | PatchOperation::Test(_) => return Ok(()),
            PatchOperation::Add(add) => (Some(&add.value), &add.path),
            PatchOperation::Replace(replace) => (Some(&replace.value), &replace.path),
            PatchOperation::Move(step) => (object.pointer(step.from.as_str()), &step.path),
            PatchOperation::Copy(step) => {
                let value = object.pointer(step.from.as_str());
                let bytes = value.map_or(0, |value| value.to_string().len());
                self.copied = self
                    .copied
                    .checked_sub(bytes)
                    .ok_or("the copies of this patch are too large in total")?;
                (value, &step.path)
            }
        };
        let room = MAX_DEPTH.checked_sub(path.count()).ok_or("the object would be nested too deeply")?;
        value.map_or(Ok(()), |value| self.fits(value, room))
    }

    fn visit(&mut self, values: usize) -> Result<(), &'static str> {
        self.visited = self.visited.checked_sub(values).ok_or("the patch moves too much")?;
        Ok(())
    }

    fn fits(&mut self, value: &Value, room: usize) -> Result<(), &'static str> {
        self.visit(1)?;
        let below = || room.checked_sub(1).ok_or("the object would be nested too deeply");
        match value {
            Value::Array(list) => {
                let room = below()?;
                list.iter().try_for_each(|value| self.fits(value, room))
            }
            Value::Object(map) => {
                let room = below()?;
                map.values().try_for_each(|value| self.fits(value, room))
            }
            _ => Ok(()),
        }
    }
}

/// Places at which something comes or goes.
fn changed(operation: &PatchOperation) -> [Option<&Pointer>; 2] {
    match operation {
        PatchOperation::Add(add) => [Some(&add.path), None],
        PatchOperation::Remove(remove) => [Some(&remove.path), None],
        PatchOperation::Move(step) => [Some(&step.from), Some(&step.path)],
        PatchOperation::Copy(step) => [Some(&step.path), None],
        PatchOperation::Replace(_) | PatchOperation::Test(_) => [None, None],
    }
}

/// Applies a JSON merge patch.
///
/// # Errors
/// If `patch` is no JSON object.
pub fn merge_patch(object: &Value, patch: &[u8]) -> Result<Value, PatchError> {
    let patch = parse(patch)?;
    if !patch.is_object() {
        return Err(PatchError::Malformed(cannot_unmarshal(&patch, OBJECT)));
    }
    let mut patched = object.clone();
    json_patch::merge(&mut patched, &patch);
    Ok(patched)
}
