//! A second file, whose peers, pools and VIPs are added to those of the first: what a controller says about routing, as
//! lb-dataplane writes it.

use std::path::PathBuf;

use guideway_bgp_config::fields::text;
use guideway_bgp_config::yaml::{self, Entry, Node, Value};
use guideway_bgp_config::{Problem, ReadFile};

/// The lists that it may have.
const LISTS: [&str; 3] = ["peers", "pools", "vips"];

/// What was added to a document.
#[derive(Debug)]
pub(super) struct Included {
    pub(super) path: PathBuf,
    /// Where `include` stands.
    line: u64,
    /// How many entries of each list are the document's own, in the order of [`LISTS`].
    own: [usize; LISTS.len()],
}

/// Adds the file that `include` of `root` names. A file that does not exist adds nothing: whoever writes it may start
/// later. `None`: there is no such field, or it is wrong.
pub(super) fn include(root: &mut Node, problems: &mut Vec<Problem>, read: ReadFile<'_>) -> Option<Included> {
    let Value::Map(entries) = &mut root.value else { return None };
    let entry = entries.iter().find(|entry| entry.key == "include" && entry.node.value != Value::Null)?;
    let line = entry.node.line;
    let mut wrong = |reason: String| {
        problems.push(Problem { line, field: "include".to_owned(), reason });
    };
    let path = match text(&entry.node.value) {
        Ok(path) if path.starts_with('/') => PathBuf::from(path),
        Ok(_) => {
            wrong("must be an absolute path".to_owned());
            return None;
        }
        Err(reason) => {
            wrong(reason);
            return None;
        }
    };
    let own = LISTS.map(|list| {
        match entries.iter().find(|entry| entry.key == list).map(|entry| &entry.node.value) {
            Some(Value::List(nodes)) => nodes.len(),
            _ => 0,
        }
    });
    // Whoever has all of his peers from there needs no empty list of them.
    if !entries.iter().any(|entry| entry.key == "peers") {
        let node = Node { line, value: Value::List(Vec::new()) };
        entries.push(Entry { line, key: "peers".to_owned(), node });
    }
    match added(&path, read) {
        Ok(lists) => lists.into_iter().for_each(|list| append(entries, list)),
        Err(reason) => wrong(reason),
    }
    Some(Included { path, line, own })
}

fn added(path: &std::path::Path, read: ReadFile<'_>) -> Result<Vec<Entry>, String> {
    let shown = path.display();
    let text = read(path).map_err(|error| format!("{shown}: cannot be read: {error}"))?;
    let node = yaml::parse(&text).map_err(|(line, reason)| format!("{shown}:{line}: {reason}"))?;
    let entries = match node.value {
        Value::Map(entries) => entries,
        Value::Null => return Ok(Vec::new()),
        other => return Err(format!("{shown}: must be a map of fields, not {}", other.kind())),
    };
    for Entry { line, key, node } in &entries {
        let key = key.escape_debug();
        if !LISTS.contains(&&*key.to_string()) {
            return Err(format!(
                "{shown}:{line}: {key}: is unknown here; known fields: {}",
                LISTS.join(", ")
            ));
        }
        if !matches!(node.value, Value::List(_)) {
            return Err(format!("{shown}:{line}: {key}: must be a list, not {}", node.value.kind()));
        }
    }
    Ok(entries)
}

fn append(entries: &mut Vec<Entry>, more: Entry) {
    match entries.iter_mut().find(|entry| entry.key == more.key) {
        Some(Entry { node: Node { value: Value::List(known), .. }, .. }) => {
            if let Value::List(nodes) = more.node.value {
                known.extend(nodes);
            }
        }
        // Nothing, or something that is a problem by itself.
        Some(entry) if entry.node.value == Value::Null => entry.node = more.node,
        Some(_) => {}
        None => entries.push(more),
    }
}

impl Included {
    /// Says of the problems with what was added where they really are.
    pub(super) fn place(&self, problems: &mut [Problem]) {
        for problem in problems {
            let Some((list, index, rest)) = split(&problem.field) else { continue };
            let own = LISTS.iter().position(|known| *known == list).and_then(|place| self.own.get(place));
            let Some(index) = own.and_then(|own| index.checked_sub(*own)) else { continue };
            let (path, line) = (self.path.display(), problem.line);
            problem.reason = format!("{path}:{line}: {list}[{index}]{rest}: {}", problem.reason);
            problem.line = self.line;
            "include".clone_into(&mut problem.field);
        }
    }
}

/// `peers[3].name` as its list, its number and the rest.
fn split(field: &str) -> Option<(&str, usize, &str)> {
    let (list, rest) = field.split_once('[')?;
    let (index, rest) = rest.split_once(']')?;
    Some((list, index.parse().ok()?, rest))
}
