//! Fields of a document that every daemon has: where it listens, its sockets.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::fields::{Problem, Section, parsed, text};
use crate::yaml::Value;

/// The longest path of a socket (`sun_path` of unix(7), without the NUL).
const MAX_SOCKET_PATH: usize = 107;
const MAX_LISTEN: usize = 16;

/// A map `field` with nothing but a `socket`, which has a default.
pub fn socket_of(
    section: &mut Section<'_>,
    field: &'static str,
    default: &str,
    problems: &mut Vec<Problem>,
) -> Option<PathBuf> {
    let Some(node) = section.node(field) else { return Some(default.into()) };
    let mut section = Section::open(field, node, problems);
    let socket = section.required("socket", problems, socket);
    section.close(problems);
    socket.map(|found| found.value)
}

/// A map `field` with nothing but an address to `listen` on, which has a default.
pub fn listen_of(
    section: &mut Section<'_>,
    field: &'static str,
    default: SocketAddr,
    problems: &mut Vec<Problem>,
) -> Option<SocketAddr> {
    let Some(node) = section.node(field) else { return Some(default) };
    let mut section = Section::open(field, node, problems);
    let listen =
        section.required("listen", problems, parsed("an address with a port, such as 127.0.0.1:9471"));
    section.close(problems);
    listen.map(|found| found.value)
}

/// Addresses with ports, each once.
///
/// # Errors
///
/// What it must be.
pub fn listen(value: &Value) -> Result<Vec<SocketAddr>, String> {
    let what = "off, or a list of addresses with ports, such as [\"0.0.0.0:179\", \"[::]:179\"]";
    let Value::List(list) = value else { return Err(format!("must be {what}")) };
    if list.is_empty() || list.len() > MAX_LISTEN {
        return Err(format!("must be {what}; 1 to {MAX_LISTEN} of them"));
    }
    let mut addresses = Vec::new();
    for node in list {
        let address = parsed::<SocketAddr>("an address with a port, such as 10.1.1.2:179")(&node.value)?;
        if addresses.contains(&address) {
            return Err(format!("{address} stands here twice"));
        }
        addresses.push(address);
    }
    Ok(addresses)
}

/// The path of a Unix socket.
///
/// # Errors
///
/// What it must be.
pub fn socket(value: &Value) -> Result<PathBuf, String> {
    let path = text(value)?;
    if path.contains('\0') {
        return Err("must not have a NUL octet".to_owned());
    }
    match path.len() {
        ..=MAX_SOCKET_PATH => Ok(PathBuf::from(path)),
        length => Err(format!("has {length} octets: the path of a socket has at most {MAX_SOCKET_PATH}")),
    }
}
