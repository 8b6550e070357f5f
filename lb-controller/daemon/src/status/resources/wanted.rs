//! What the status of a resource should be.

use std::time::{Duration, SystemTime};

use guideway_controller_core::{ForwarderName, Shard};
use guideway_controller_crds::Kind;
use guideway_controller_crds::guideway::status::{
    AVAILABLE, CONNECTED, CURRENT, Condition, ConditionStatus, MOST_RANGES, REACHABLE, SYNCED, VALID,
};
use guideway_controller_index::ClusterName;
use guideway_controller_ipam::Family;
use jiff::{Timestamp, Unit};
use serde_json::{Map, Value, json};

use super::facts::Facts;

/// A condition that should be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) kind: &'static str,
    pub(super) holds: bool,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// A Cluster is not reached for want of one.
const NO_KUBECONFIG: &str = "NoKubeconfig";

/// How soon a status is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    /// Numbers and texts have changed.
    Soon,
    /// A condition has.
    Now,
}

fn wanted(kind: &'static str, holds: bool, reason: &'static str, message: impl Into<String>) -> Wanted {
    Wanted { kind, holds, reason, message: message.into() }
}

/// Whether the object was understood; `errors` and `notes` are texts for people.
pub(super) fn valid(errors: &str, notes: &str) -> Wanted {
    match errors {
        "" => wanted(VALID, true, "Understood", notes),
        errors => wanted(VALID, false, "Invalid", errors),
    }
}

/// What is known of a resource beside whether it was understood: conditions, and all other fields of its status. A null
/// takes one away.
pub(super) fn live(kind: Kind, name: &str, facts: &Facts) -> (Vec<Wanted>, Map<String, Value>) {
    match kind {
        Kind::Cluster => cluster(name, facts),
        Kind::Forwarder => forwarder(name, facts),
        Kind::Shard => shard(name, facts),
        Kind::IpAddressPool => (Vec::new(), pool(name, facts)),
        _ => Default::default(),
    }
}

fn cluster(name: &str, facts: &Facts) -> (Vec<Wanted>, Map<String, Value>) {
    let known = ClusterName::new(name).ok().and_then(|name| facts.contacts.get(&name));
    let contact = known.cloned().unwrap_or_default();
    let error = || contact.error().unwrap_or_else(|| "it has not answered yet".to_owned());
    let mut fields = Map::new();
    let reachable = if let (true, Some(problem)) = (contact.reachable, contact.kubeconfig()) {
        wanted(REACHABLE, true, NO_KUBECONFIG, format!("{problem}; it is reached by the one before"))
    } else if contact.reachable {
        wanted(REACHABLE, true, "Answers", "")
    } else if let Some(last) = contact.last {
        let since = moment(last);
        let message = format!("silent since {since}: {}; what was known then is served", error());
        fields.insert("lastContact".to_owned(), since.into());
        wanted(REACHABLE, false, "Silent", message)
    } else if let Some(problem) = contact.kubeconfig() {
        wanted(REACHABLE, false, NO_KUBECONFIG, problem)
    } else {
        wanted(REACHABLE, false, "NeverReached", error())
    };
    let synced = if let (true, Some(refusal)) = (contact.synced, contact.refusal()) {
        wanted(SYNCED, false, "Refused", refusal)
    } else if contact.synced {
        wanted(SYNCED, true, "Listed", "")
    } else {
        let unread = if contact.unread.is_empty() { None } else { contact.error() };
        let message = "its Services are not all known yet: what forwarders serve stays";
        let message = unread.map_or_else(|| message.to_owned(), |unread| format!("{message}; {unread}"));
        wanted(SYNCED, false, "NotListed", message)
    };
    if let Some(summary) = &facts.summary {
        fields.insert("services".to_owned(), summary.services.get(name).copied().unwrap_or_default().into());
        // Of one that is not known yet it stays as it is.
        if let Some(ranges) = summary.addresses.get(name) {
            let fits = ranges.len() <= MOST_RANGES;
            let texts = fits.then(|| ranges.iter().map(ToString::to_string).collect::<Vec<_>>());
            fields.insert("addresses".to_owned(), texts.into());
        }
    }
    fields.extend(contact.version.as_deref().and_then(version));
    (vec![reachable, synced], fields)
}

/// What others say of themselves, as far as the definitions have a place for it: the rest of the status must not fail for it.
fn version(said: &str) -> Option<(String, Value)> {
    let fits = (1..=128).contains(&said.len()) && !said.contains(char::is_control);
    fits.then(|| ("version".to_owned(), said.into()))
}

fn forwarder(name: &str, facts: &Facts) -> (Vec<Wanted>, Map<String, Value>) {
    let state = facts.state.forwarders.get(name);
    let seen = facts.seen.get(name);
    let mut fields = Map::new();
    let connected = if state.is_some_and(|state| state.connected) {
        wanted(CONNECTED, true, "Connected", "")
    } else if let Some(seen) = seen {
        let since = moment(seen.last);
        let message = format!("silent since {since}");
        fields.insert("lastContact".to_owned(), since.into());
        wanted(CONNECTED, false, "Away", message)
    } else {
        let message =
            "it has not dialled since this controller started; `lbctl forwarders` shows who was refused";
        wanted(CONNECTED, false, "NeverSeen", message)
    };
    let current = match state {
        None => wanted(CURRENT, false, "Away", "what it serves is not known"),
        Some(state) if !state.connected => wanted(CURRENT, false, "Away", "what it serves is not known"),
        Some(state) if !state.incapable.is_empty() => {
            wanted(CURRENT, false, "Refuses", state.incapable.join("; "))
        }
        Some(state) if state.standing.fenced => wanted(CURRENT, false, "Fenced", "its VIPs are withdrawn"),
        Some(state) if state.current => wanted(CURRENT, true, "Serves", ""),
        Some(_) => wanted(CURRENT, false, "Behind", "it serves an earlier generation"),
    };
    let (generation, digest) = state
        .and_then(|state| state.standing.committed)
        .map_or((0, None), |(generation, digest)| (generation.0, Some(digest.to_string())));
    if state.is_some() {
        fields.insert("generation".to_owned(), generation.into());
        fields.extend(digest.map(|digest| ("digest".to_owned(), digest.into())));
    }
    if let Some(seen) = seen {
        fields.insert("vips".to_owned(), seen.announced.into());
        fields.extend(version(&seen.version));
    }
    (vec![connected, current], fields)
}

fn shard(name: &str, facts: &Facts) -> (Vec<Wanted>, Map<String, Value>) {
    let Some(content) = facts.content() else { return Default::default() };
    // With a size each tenant has one of its own.
    let is_part = |shard: &&std::sync::Arc<Shard>| {
        let rest = shard.name.as_str().strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let parts: Vec<_> = content.shards().values().filter(is_part).collect();
    let members: std::collections::BTreeSet<&ForwarderName> =
        parts.iter().flat_map(|shard| &shard.members).collect();
    let serves = |name: &&ForwarderName| {
        let state = facts.state.forwarders.get(*name);
        state.is_some_and(|state| state.connected && state.current && !state.standing.fenced)
    };
    let vips: usize = parts.iter().map(|shard| content.vips_of_shard(&shard.name).count()).sum();
    let available = if parts.is_empty() {
        wanted(AVAILABLE, false, "NoServices", "no Service is in it")
    } else if members.is_empty() {
        wanted(AVAILABLE, false, "NoForwarders", "no Forwarder is selected, or all of them drain")
    } else if members.iter().any(serves) {
        wanted(AVAILABLE, true, "Serves", "")
    } else {
        wanted(AVAILABLE, false, "NobodyServes", "none of its forwarders serves the committed generation")
    };
    let names: Vec<&str> = members.iter().map(|name| name.as_str()).take(1000).collect();
    let tenants = parts.iter().filter(|shard| shard.name.as_str() != name).count();
    let Value::Object(fields) = json!({ "forwarders": names, "vips": vips, "tenants": tenants }) else {
        return Default::default();
    };
    (vec![available], fields)
}

/// Whether the message may be another one at each look: each attempt to reach a cluster may fail in another way.
fn is_changing(wanted: &Wanted) -> bool {
    wanted.kind == REACHABLE && wanted.reason != NO_KUBECONFIG
}

/// As MetalLB counts.
fn pool(name: &str, facts: &Facts) -> Map<String, Value> {
    let pools = facts.summary.iter().flat_map(|summary| &summary.pools).filter(|used| *used.name == *name);
    let mut fields = Map::new();
    for used in pools {
        let family = if used.family == Family::V4 { "IPv4" } else { "IPv6" };
        let taken = u128::from(used.assigned) + u128::from(used.leaving);
        let free = i64::try_from(used.capacity.saturating_sub(taken)).unwrap_or(i64::MAX);
        fields.insert(format!("assigned{family}"), used.assigned.into());
        fields.insert(format!("available{family}"), free.into());
    }
    fields
}

/// What a status becomes with these conditions; those of others stay. `None`: it is like that already.
pub(super) fn merge(
    before: &Value,
    generation: Option<i64>,
    conditions: Vec<Wanted>,
    fields: Map<String, Value>,
    is_settled: bool,
    now: &str,
) -> Option<(Value, Urgency)> {
    let mut status = before.as_object().cloned().unwrap_or_default();
    let mut all: Vec<Value> = before["conditions"].as_array().cloned().unwrap_or_default();
    let mut urgency = Urgency::Soon;
    for wanted in conditions {
        let at = all.iter().position(|condition| condition["type"] == wanted.kind);
        let said: Option<Condition> = at.and_then(|at| serde_json::from_value(all[at].clone()).ok());
        let holds = if wanted.holds { ConditionStatus::True } else { ConditionStatus::False };
        // A new leader has heard of nobody yet.
        if wanted.kind != VALID && !wanted.holds && !is_settled {
            continue;
        }
        let same = said.as_ref().filter(|said| said.status == holds && said.reason == wanted.reason);
        let same = same.filter(|said| said.observed_generation == generation);
        if same.is_some_and(|said| said.message == wanted.message || is_changing(&wanted)) {
            continue;
        }
        if same.is_none() {
            urgency = Urgency::Now;
        }
        let before = said.filter(|said| said.status == holds);
        let condition = Condition {
            r#type: wanted.kind.to_owned(),
            status: holds,
            reason: wanted.reason.to_owned(),
            message: wanted.message.chars().take(super::MAX_TEXT).collect(),
            observed_generation: generation,
            last_transition_time: before.map_or_else(|| now.to_owned(), |said| said.last_transition_time),
        };
        let Ok(condition) = serde_json::to_value(condition) else { continue };
        match at {
            Some(at) => all[at] = condition,
            None => all.push(condition),
        }
    }
    if !all.is_empty() {
        status.insert("conditions".to_owned(), all.into());
    }
    // When it was silent last is told while it is.
    if before.get("lastContact").is_some() && !fields.contains_key("lastContact") && is_settled {
        status.remove("lastContact");
    }
    status.extend(fields);
    status.retain(|_, value| !value.is_null());
    let status = Value::Object(status);
    (status != *before).then_some((status, urgency))
}

/// RFC 3339, whole seconds.
pub(super) fn moment(at: SystemTime) -> String {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let at = Timestamp::from_second(i64::try_from(since.as_secs()).unwrap_or(i64::MAX)).unwrap_or_default();
    at.round(Unit::Second).unwrap_or(at).to_string()
}

#[cfg(test)]
mod tests;
