//! Keys of TCP-MD5 and TCP-AO.

use std::path::PathBuf;

use super::ReadFile;
use crate::addresses::word;
use crate::fields::{Found, Problem, Section, number, text};
use crate::layers::Layers;
use crate::peer::{AoAlgorithm, AoKey, Authentication};
use crate::secret::Password;
use crate::yaml::{Node, Value};

/// More keys than this are not needed for a rotation.
const MAX_AO_KEYS: usize = 16;

const ALGORITHMS: &[(&str, AoAlgorithm)] =
    &[("hmac-sha-1-96", AoAlgorithm::HmacSha1), ("aes-128-cmac-96", AoAlgorithm::Aes128Cmac)];

/// `password` or `password_file`, or the list `ao`.
pub(super) fn authentication(
    layers: &mut Layers<'_>,
    problems: &mut Vec<Problem>,
    read_file: ReadFile<'_>,
) -> Authentication {
    let direct = layers.optional("password", problems, password);
    let from_file = layers.optional("password_file", problems, |value| password_file(value, read_file));
    let ao = layers.node("ao");
    let both = match (&direct, &from_file, &ao) {
        (Some(_), Some(file), _) => Some((file.line, "password_file", "password; keep one of them")),
        (Some(_), None, Some((node, _))) | (None, Some(_), Some((node, _))) => {
            Some((node.line, "ao", "a TCP-MD5 password; keep one of them"))
        }
        _ => None,
    };
    if let Some((line, field, other)) = both {
        problems.push(Problem { line, ..layers.problem(field, format!("cannot stand beside {other}")) });
    }
    if let Some((node, name)) = ao {
        return keys(node, &name, problems, read_file).map_or(Authentication::None, Authentication::Ao);
    }
    direct.or(from_file).map_or(Authentication::None, |found| Authentication::Md5(found.value))
}

fn keys(node: &Node, name: &str, problems: &mut Vec<Problem>, read_file: ReadFile<'_>) -> Option<Vec<AoKey>> {
    let list = match &node.value {
        Value::List(list) if (1..=MAX_AO_KEYS).contains(&list.len()) => list,
        _ => {
            let reason = format!("must be a list of 1 to {MAX_AO_KEYS} keys, the first one to send with");
            problems.push(Problem { line: node.line, field: name.to_owned(), reason });
            return None;
        }
    };
    let mut keys: Vec<AoKey> = Vec::new();
    for (index, node) in list.iter().enumerate() {
        let mut section = Section::open(&format!("{name}[{index}]"), node, problems);
        let send_id = section.required("send_id", problems, number::<u8>("0 to 255"));
        let receive_id = section.optional("receive_id", problems, number::<u8>("0 to 255"));
        let algorithm = section.optional("algorithm", problems, word(ALGORITHMS));
        let key = one_key(&mut section, problems, read_file);
        section.close(problems);
        let (Some(send_id), Some(key)) = (send_id, key) else { continue };
        let receive_id = receive_id.map_or(send_id.value, |found| found.value);
        // RFC 5925 section 3.1: identifiers of one connection's keys do not overlap.
        if keys.iter().any(|key| key.send_id == send_id.value || key.receive_id == receive_id) {
            let reason = "another key has the same send_id or receive_id (RFC 5925)".to_owned();
            problems.push(Problem { line: node.line, field: format!("{name}[{index}]"), reason });
        }
        let algorithm = algorithm.map_or(AoAlgorithm::HmacSha1, |found| found.value);
        keys.push(AoKey { send_id: send_id.value, receive_id, algorithm, key: key.value });
    }
    Some(keys).filter(|keys| !keys.is_empty())
}

fn too_long() -> String {
    format!("must have 1 to {} octets, which is what the kernel takes", Password::MAX)
}

fn password(value: &Value) -> Result<Password, String> {
    Password::new(text(value)?).ok_or_else(too_long)
}

/// The content of a file; a line end at its end does not count.
fn password_file(value: &Value, read_file: ReadFile<'_>) -> Result<Password, String> {
    let file = text(value).map(PathBuf::from)?;
    let text = read_file(&file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    Password::new(text.trim_end_matches(['\r', '\n'])).ok_or_else(too_long)
}

/// `key` or `key_file` of a map.
pub(super) fn one_key(
    section: &mut Section<'_>,
    problems: &mut Vec<Problem>,
    read_file: ReadFile<'_>,
) -> Option<Found<Password>> {
    let key = section.optional("key", problems, password);
    let file = section.optional("key_file", problems, |value| password_file(value, read_file));
    let reason = match (&key, &file) {
        (None, None) => "is required and missing (or key_file)",
        (Some(_), Some(_)) => "cannot stand beside key_file; keep one of them",
        _ => return key.or(file),
    };
    problems.push(Problem { line: section.line(), field: section.name("key"), reason: reason.to_owned() });
    None
}
