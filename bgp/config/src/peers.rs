//! The fields `defaults`, `templates` and `peers` of a document.

mod blocks;
mod one;
mod secrets;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::Path;

use crate::fields::{Problem, Section};
use crate::layers::Layers;
use crate::peer::{Import, PeerConfig};
use crate::yaml::{Node, Value};

/// Reads a password file: its text, or why it cannot be read.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> Result<String, String>;

/// What all peers share.
#[derive(Debug, Clone, Copy)]
pub struct Local {
    /// Own AS number.
    pub asn: u32,
    /// Own BGP identifier.
    pub router_id: Ipv4Addr,
    /// What becomes of the routes of peers that do not say so themselves.
    pub import: Import,
}

/// Takes the peers out of the document: the list `peers`, of which each may have a `template` of the map `templates`, and
/// whatever neither of them says from the map `defaults`. `None`, and problems, when `peers` is no list.
pub fn peers(
    document: &mut Section<'_>,
    local: Local,
    problems: &mut Vec<Problem>,
    read_file: ReadFile<'_>,
) -> Option<Vec<PeerConfig>> {
    let peers = peers_with(document, local, problems, read_file, |_, _| ())?;
    Some(peers.into_iter().map(|(peer, ())| peer).collect())
}

/// As [`peers`], with further fields of a daemon's own in each peer, template and in the defaults: `fields` takes them before
/// anything else is taken.
pub fn peers_with<T>(
    document: &mut Section<'_>,
    local: Local,
    problems: &mut Vec<Problem>,
    read_file: ReadFile<'_>,
    mut fields: impl FnMut(&mut Layers<'_>, &mut Vec<Problem>) -> T,
) -> Option<Vec<(PeerConfig, T)>> {
    let defaults = document.node("defaults");
    let templates = templates(document.node("templates"), problems);
    let alone = defaults.map(|node| ("defaults".to_owned(), node)).into_iter();
    let alone = alone.chain(templates.iter().map(|(name, node)| (format!("templates.{name}"), *node)));
    // What is wrong with them is told whether a peer uses them or not.
    for (path, node) in alone {
        let mut layers = Layers::new(vec![Section::open(&path, node, problems)]);
        fields(&mut layers, problems);
        one::settings(&mut layers, local, problems, read_file);
        layers.close(problems);
    }
    let list = document.required("peers", problems, |value| match value {
        Value::List(peers) => Ok(peers.clone()),
        other => Err(format!("must be a list of peers, not {}", other.kind())),
    })?;
    let mut taken = Taken::default();
    let mut peers = Vec::new();
    for (index, node) in list.value.iter().enumerate() {
        let path = format!("peers[{index}]");
        let before = problems.len();
        let mut section = Section::open(&path, node, problems);
        if problems.len() > before {
            // Not a map: that its fields are missing too goes without saying.
            continue;
        }
        let template = section.optional("template", problems, |value| match value {
            Value::Text(name) if templates.contains_key(name.as_str()) => Ok(name.clone()),
            Value::Text(name) => Err(format!("there is no template `{}`", name.escape_debug())),
            other => Err(format!("must be the name of a template, not {}", other.kind())),
        });
        // What templates and defaults have wrong is told where they stand.
        let mut elsewhere = Vec::new();
        let mut sections = vec![section];
        if let Some((name, node)) = template.and_then(|found| templates.get_key_value(found.value.as_str())) {
            sections.push(Section::open(&format!("templates.{name}"), node, &mut elsewhere));
        }
        if let Some(node) = defaults {
            sections.push(Section::open("defaults", node, &mut elsewhere));
        }
        let mut layers = Layers::new(sections);
        let own = fields(&mut layers, problems);
        let peer = one::peer(&mut layers, local, problems, read_file);
        layers.close(problems);
        if let Some(peer) = peer {
            taken.check(&peer, &path, node.line, problems);
            peers.push((peer, own));
        }
    }
    problems.sort_by(|a, b| (a.line, &a.field, &a.reason).cmp(&(b.line, &b.field, &b.reason)));
    problems.dedup();
    Some(peers)
}

fn templates<'a>(node: Option<&'a Node>, problems: &mut Vec<Problem>) -> HashMap<&'a str, &'a Node> {
    let Some(node) = node else { return HashMap::new() };
    match &node.value {
        Value::Map(entries) => entries.iter().map(|entry| (entry.key.as_str(), &entry.node)).collect(),
        other => {
            let reason = format!("must be a map of templates by name, not {}", other.kind());
            problems.push(Problem { line: node.line, field: "templates".to_owned(), reason });
            HashMap::new()
        }
    }
}

/// Names and remotes, and the line of the peer that has them.
#[derive(Default)]
struct Taken {
    names: HashMap<String, u64>,
    remotes: HashMap<String, u64>,
}

impl Taken {
    fn check(&mut self, peer: &PeerConfig, path: &str, line: u64, problems: &mut Vec<Problem>) {
        let remote = peer.remote.to_string();
        if let Some(first) = self.remotes.insert(remote.clone(), line) {
            let reason = format!("{remote} is a peer already, in line {first}");
            problems.push(Problem { line, field: path.to_owned(), reason });
        } else if let Some(first) = self.names.insert(peer.name.clone(), line) {
            let reason = format!("the peer in line {first} has the name `{}` too", peer.name.escape_debug());
            problems.push(Problem { line, field: format!("{path}.name"), reason });
        }
    }
}
