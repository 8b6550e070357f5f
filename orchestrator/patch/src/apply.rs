//! Server-side apply: a manager says which fields it wants and is their owner from then on.

mod client_side;
mod conflict;
mod prune;

use guideway_schema::Schema;
use serde_json::Value;

pub use conflict::{Conflict, conflict_message};

use crate::error::{OBJECT, cannot_unmarshal};
use crate::fields::FieldSet;
use crate::managed::{self, BEFORE_FIRST_APPLY, Entry, Manager, Operation};
use crate::tree::{UNOWNED_METADATA, collect, compare, merge, remove, undeclared};

/// What to do about fields that other managers own and that would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// Refuse with [`ApplyError::Conflicts`].
    No,
    /// Take them away from their owners.
    Yes,
}

/// Why an apply is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// 409 Conflict: sorted by owner and field, never empty. The text is the Status' message.
    #[error("{}", conflict_message(.0))]
    Conflicts(Vec<Conflict>),
    /// 400 BadRequest: the configuration is none for this object.
    #[error("{0}")]
    BadRequest(String),
    /// 500, as in Kubernetes: the configuration does not fit the schema, because an element of a list lacks its key or
    /// is there twice, or a field is none of the kind's.
    #[error("failed to create typed patch object ({object}): {problem}")]
    Invalid {
        /// Namespace, name, version and kind that the configuration says.
        object: String,
        /// Where in it, and what.
        problem: String,
    },
}

/// Applies `config` on behalf of `manager`.
///
/// `live` is the object as it is, `None` to create it. Gives the object as it is to be, with `metadata.managedFields`.
/// `now` is an RFC 3339 time in whole seconds. An apply that changes nothing gives an object equal to `live`.
///
/// # Errors
/// See [`ApplyError`].
pub fn apply(
    schema: &Schema,
    live: Option<&Value>,
    config: &Value,
    manager: &Manager,
    force: Force,
    now: &str,
) -> Result<Value, ApplyError> {
    let config = prepare(schema, config, manager)?;
    let fields = undeclared(schema, &config).and_then(|()| collect(Some(schema), &config));
    let fields = fields.map_err(|problem| ApplyError::Invalid { object: describe(&config), problem })?;
    let applied = without_unowned(fields);
    let mut entries = managed::live(live);
    if let (Some(live), true) = (live, entries.is_empty()) {
        entries.push(first(schema, live, manager, now));
    }
    let known = entries.clone();
    let is_own = |entry: &Entry| entry.is_of(manager, Operation::Apply);
    let last = entries.iter().find(|entry| is_own(entry)).map(|entry| entry.fields.clone());
    let own = match entries.iter_mut().find(|entry| is_own(entry)) {
        Some(own) => {
            own.fields = applied;
            manager.api_version.clone_into(&mut own.api_version);
            own
        }
        None => entries.push_mut(Entry::new(manager, Operation::Apply, applied, now)),
    };
    own.time = Some(now.to_owned());

    let bare = live.map(without_list);
    let merged = merge(Some(schema), bare.as_ref(), &config);
    let mut object = prune::prune(schema, merged, &entries, &last.unwrap_or_default());
    let compared = compare(Some(schema), &manager.unset, bare.as_ref(), &object);
    let (taken, removed) = compared.without(&manager.reset).split();
    let lost = |entry: &Entry| {
        if is_own(entry) { FieldSet::default() } else { entry.fields.intersection(&taken) }
    };
    let conflicts: Vec<(&Entry, FieldSet)> =
        entries.iter().map(|entry| (entry, lost(entry))).filter(|(_, fields)| !fields.is_empty()).collect();
    if force == Force::No
        && !conflicts.is_empty()
        && !client_side::may_take(schema, live, manager, conflicts.iter().map(|(_, fields)| fields))
    {
        return Err(ApplyError::Conflicts(conflict::conflicts(&conflicts)));
    }
    for entry in entries.iter_mut().filter(|entry| !is_own(entry)) {
        entry.fields.subtract(&taken);
        entry.fields.subtract(&removed);
    }
    entries.retain(|entry| !entry.fields.is_empty());
    // What was compared is what the client wrote: another spelling of a quantity is a conflict in Kubernetes, too.
    schema.normalize(&mut object);
    client_side::record(&mut object, live, &config, manager);
    if bare.as_ref() == Some(&object) {
        keep_times(&mut entries, &known);
    }
    managed::write(&mut object, entries);
    Ok(object)
}

/// Checks the configuration and takes out what this door does not write.
fn prepare(schema: &Schema, config: &Value, manager: &Manager) -> Result<Value, ApplyError> {
    if !config.is_object() {
        let why = cannot_unmarshal(config, OBJECT);
        return Err(ApplyError::BadRequest(format!(
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: {why}"
        )));
    }
    if config.pointer("/metadata/managedFields").is_some_and(|list| !list.is_null()) {
        return Err(ApplyError::BadRequest("metadata.managedFields must be nil".to_owned()));
    }
    let version = config.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    if version != manager.api_version {
        return Err(ApplyError::BadRequest(format!(
            "Incorrect version specified in apply patch. Specified patch version: {version}, expected: {}",
            manager.api_version
        )));
    }
    let mut config = if manager.reset.is_empty() {
        config.clone()
    } else {
        remove(Some(schema), config, &manager.reset).unwrap_or_else(|| Value::Object(serde_json::Map::new()))
    };
    if let Some(metadata) = config.get_mut("metadata").and_then(Value::as_object_mut) {
        // Clients print what the server fills in as null: it says nothing.
        metadata.retain(|name, value| !(value.is_null() && UNOWNED_METADATA.contains(&name.as_str())));
    }
    Ok(config)
}

/// Which object a configuration is for, as Kubernetes prints it.
fn describe(config: &Value) -> String {
    let text = |path: &str| config.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let version = text("/apiVersion");
    let group = if version.contains('/') { "" } else { "/" };
    format!(
        "{}/{}; {group}{version}, Kind={}",
        text("/metadata/namespace"),
        text("/metadata/name"),
        text("/kind")
    )
}

/// The set less the fields that nobody owns.
fn without_unowned(mut set: FieldSet) -> FieldSet {
    let mut unowned = FieldSet::of(&[&["apiVersion"], &["kind"]]);
    for name in UNOWNED_METADATA {
        unowned.add(&FieldSet::of(&[&["metadata", name]]));
    }
    set = set.without(&unowned);
    // Nor is `metadata` someone's as a whole.
    set.difference(&FieldSet::of(&[&["metadata"]]))
}

/// Everything that an object without managedFields holds.
fn first(schema: &Schema, live: &Value, manager: &Manager, now: &str) -> Entry {
    let before = Manager::new(BEFORE_FIRST_APPLY, manager.api_version.as_str());
    let (held, _) = compare(Some(schema), &manager.unset, None, live).split();
    Entry::new(&before, Operation::Update, held, now)
}

fn without_list(live: &Value) -> Value {
    let mut bare = live.clone();
    if let Some(metadata) = bare.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    bare
}

/// Entries that own what they owned keep their time.
fn keep_times(entries: &mut [Entry], known: &[Entry]) {
    for entry in entries {
        let same = known.iter().find(|known| {
            known.identity() == entry.identity()
                && known.fields == entry.fields
                && known.api_version == entry.api_version
        });
        if let Some(known) = same {
            known.time.clone_into(&mut entry.time);
        }
    }
}
