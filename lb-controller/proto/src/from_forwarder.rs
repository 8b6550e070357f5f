//! From a forwarder.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use guideway_controller_core::limits::{MAX_BACKENDS, MAX_NAME_BYTES, MAX_TEXT_BYTES};
use guideway_controller_core::message::{
    Cost, Counters, FromForwarder, Hello, Report, ReportScope, Room, SetReport, Standing, VipReport,
};
use guideway_controller_core::{Digest, Generation, SetName, Term, VipName};
use prost::Message as _;

use crate::decode::Decoder;
use crate::error::{At, WireError};
use crate::parts::{self, MAX_PART_BYTES};
use crate::v1::from_forwarder::Message;
use crate::{decode_delta, encode_delta, read, v1};

/// Reasons of one refusal; more are counted, not listed.
const MAX_ERRORS: usize = 100;
/// Generations, labels and addresses of a Hello.
const MAX_KEPT: usize = 100;
const MAX_LABELS: usize = 100;
const MAX_ADDRESSES: usize = 100;
/// VIPs of one message: with the longest names they fill a message by half.
const MAX_VIPS: usize = 2048;
/// Of the sets of one message.
const MAX_SET_BYTES: usize = MAX_PART_BYTES / 4;
/// What a field costs beside its bytes, at most: a key of one byte and a length of four.
const FIELD_BYTES: usize = 5;

/// The messages that carry `message`: one, or more when it is long.
#[must_use]
pub fn wire(message: &FromForwarder) -> Vec<v1::FromForwarder> {
    let short = match message {
        FromForwarder::Hello(hello) => Message::Hello(hello_wire(hello)),
        FromForwarder::Prepared { generation, digest, cost } => Message::Prepared(v1::Prepared {
            generation: generation.0,
            digest: read::digest_bytes(*digest),
            moved: cost.moved,
            at_risk: cost.at_risk,
            flows_at_risk: cost.flows_at_risk,
        }),
        FromForwarder::Refused { generation, errors } => {
            Message::Refused(v1::Refused { generation: generation.0, errors: errors_wire(errors) })
        }
        FromForwarder::Committed { generation, digest, installed } => Message::Committed(v1::Committed {
            generation: generation.0,
            digest: read::digest_bytes(*digest),
            installed: *installed,
        }),
        FromForwarder::Missing { generation } => Message::Missing(v1::Missing { generation: generation.0 }),
        FromForwarder::Fenced { generation, reason } => Message::Fenced(v1::Fenced {
            generation: generation.0,
            reason: read::cut(reason, MAX_TEXT_BYTES),
        }),
        FromForwarder::Stale { highest } => Message::Stale(v1::Stale { highest: highest.0 }),
        FromForwarder::Content { generation, content: Some(delta) } => {
            let generation = generation.0;
            return parts::split(&encode_delta(delta))
                .map(|part| one(Message::Content(v1::Content { generation, delta: Some(part) })))
                .collect();
        }
        FromForwarder::Content { generation, content: None } => {
            Message::Content(v1::Content { generation: generation.0, delta: None })
        }
        FromForwarder::Report(report) => return reports(report),
        FromForwarder::Keepalive(standing) => Message::Standing(standing_wire(standing)),
    };
    vec![one(short)]
}

fn one(message: Message) -> v1::FromForwarder {
    v1::FromForwarder { message: Some(message) }
}

fn errors_wire(errors: &[String]) -> Vec<String> {
    let mut listed: Vec<String> =
        errors.iter().take(MAX_ERRORS - 1).map(|error| read::cut(error, MAX_TEXT_BYTES)).collect();
    match errors.get(listed.len()..) {
        Some([last]) => listed.push(read::cut(last, MAX_TEXT_BYTES)),
        Some(rest @ [_, ..]) => listed.push(format!("{} more errors are not listed", rest.len())),
        _ => {}
    }
    listed
}

/// A long report is one about some of the VIPs and sets and further ones about the others.
fn reports(report: &Report) -> Vec<v1::FromForwarder> {
    let Counters { packets, octets, dropped, flows } = report.counters;
    let vip = |vip: &VipReport| v1::VipReport {
        name: vip.name.to_string(),
        announced: vip.announced,
        healthy: vip.healthy,
        backends: vip.backends,
    };
    let mut sets = set_chunks(&report.sets);
    let count = report.vips.len().div_ceil(MAX_VIPS).max(sets.len()).max(1);
    sets.resize_with(count, Vec::new);
    let part = |(index, sets)| {
        let vips = report.vips.iter().skip(index * MAX_VIPS).take(MAX_VIPS);
        one(Message::Report(v1::Report {
            changes_only: index > 0 || report.scope == ReportScope::Changes,
            installed: report.installed,
            vips: vips.map(vip).collect(),
            counters: Some(v1::Counters { packets, octets, dropped, flows }),
            sets,
        }))
    };
    sets.into_iter().enumerate().map(part).collect()
}

/// As many sets in a message as there is room for. Of one that has too many dead backends the first ones are named.
fn set_chunks(sets: &[SetReport]) -> Vec<Vec<v1::SetReport>> {
    let mut chunks: Vec<Vec<v1::SetReport>> = Vec::new();
    let mut room = 0;
    for set in sets {
        let mut bytes = set.name.as_str().len() + FIELD_BYTES;
        let fits = |name: &&String| {
            bytes += name.len() + FIELD_BYTES;
            bytes <= MAX_SET_BYTES
        };
        let unhealthy = set.unhealthy.iter().take_while(fits).cloned().collect();
        let wire = v1::SetReport { name: set.name.to_string(), unhealthy };
        let length = wire.encoded_len() + FIELD_BYTES;
        match chunks.last_mut().filter(|_| length <= room) {
            Some(chunk) => chunk.push(wire),
            None => {
                chunks.push(vec![wire]);
                room = MAX_SET_BYTES;
            }
        }
        room = room.saturating_sub(length);
    }
    chunks
}

fn hello_wire(hello: &Hello) -> v1::Hello {
    // The latest ones, when there are too many.
    let kept = &hello.kept[hello.kept.len().saturating_sub(MAX_KEPT)..];
    let Room { vips, backends, flows } = hello.room;
    v1::Hello {
        version: read::cut(&hello.version, MAX_TEXT_BYTES),
        standing: Some(standing_wire(&hello.standing)),
        kept: kept
            .iter()
            .map(|(generation, digest, at)| {
                let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
                let installed_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
                v1::Held { installed_ms, ..held_wire(&(*generation, *digest)) }
            })
            .collect(),
        labels: hello.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        zone: hello.zone.clone(),
        addresses: hello.addresses.iter().take(MAX_ADDRESSES).copied().map(read::address_bytes).collect(),
        room: Some(v1::Room { vips, backends, flows }),
        relays: read::relays_wire(&hello.relays),
    }
}

fn standing_wire(standing: &Standing) -> v1::Standing {
    v1::Standing {
        committed: standing.committed.as_ref().map(held_wire),
        prepared: standing.prepared.as_ref().map(held_wire),
        highest_term: standing.highest_term.0,
        fenced: standing.fenced,
    }
}

fn held_wire((generation, digest): &(Generation, Digest)) -> v1::Held {
    v1::Held { generation: generation.0, digest: read::digest_bytes(*digest), installed_ms: 0 }
}

impl Decoder<FromForwarder> {
    /// What a message says; `None` when it is a part that is not the last one.
    ///
    /// # Errors
    ///
    /// When it says nothing that this version understands.
    pub fn push(&mut self, message: v1::FromForwarder) -> Result<Option<FromForwarder>, WireError> {
        Ok(Some(match read::required(message.message).at("message")? {
            Message::Hello(found) => FromForwarder::Hello(hello(&found).at("hello")?),
            Message::Prepared(v1::Prepared { generation, digest, moved, at_risk, flows_at_risk }) => {
                FromForwarder::Prepared {
                    generation: Generation(generation),
                    digest: read::digest(&digest).at("prepared.digest")?,
                    cost: Cost { moved, at_risk, flows_at_risk },
                }
            }
            Message::Refused(v1::Refused { generation, errors }) => FromForwarder::Refused {
                generation: Generation(generation),
                errors: read::limited(&errors, MAX_ERRORS)
                    .and_then(|errors| read::list(errors, |error| read::text(error, MAX_TEXT_BYTES)))
                    .at("refused.errors")?,
            },
            Message::Committed(v1::Committed { generation, digest, installed }) => FromForwarder::Committed {
                generation: Generation(generation),
                digest: read::digest(&digest).at("committed.digest")?,
                installed,
            },
            Message::Missing(v1::Missing { generation }) => {
                FromForwarder::Missing { generation: Generation(generation) }
            }
            Message::Fenced(v1::Fenced { generation, reason }) => FromForwarder::Fenced {
                generation: Generation(generation),
                reason: read::text(&reason, MAX_TEXT_BYTES).at("fenced.reason")?,
            },
            Message::Stale(v1::Stale { highest }) => FromForwarder::Stale { highest: Term(highest) },
            Message::Content(v1::Content { generation, delta: None }) => {
                FromForwarder::Content { generation: Generation(generation), content: None }
            }
            Message::Content(v1::Content { generation, delta: Some(part) }) => {
                let Some(whole) = self.assembly.push(generation, &part).at("content.delta")? else {
                    return Ok(None);
                };
                let content = Some(Arc::new(decode_delta(whole).at("content.delta")?));
                FromForwarder::Content { generation: Generation(generation), content }
            }
            Message::Report(found) => FromForwarder::Report(report(&found).at("report")?),
            Message::Standing(found) => FromForwarder::Keepalive(standing(&found).at("standing")?),
        }))
    }
}

fn held(held: &v1::Held) -> Result<(Generation, Digest), WireError> {
    Ok((Generation(held.generation), read::digest(&held.digest).at("digest")?))
}

fn standing(standing: &v1::Standing) -> Result<Standing, WireError> {
    Ok(Standing {
        committed: standing.committed.as_ref().map(held).transpose().at("committed")?,
        prepared: standing.prepared.as_ref().map(held).transpose().at("prepared")?,
        highest_term: Term(standing.highest_term),
        fenced: standing.fenced,
    })
}

fn hello(hello: &v1::Hello) -> Result<Hello, WireError> {
    let kept = |found: &v1::Held| {
        let (generation, digest) = held(found)?;
        let at: Option<SystemTime> = UNIX_EPOCH.checked_add(Duration::from_millis(found.installed_ms));
        let at = at.ok_or_else(|| WireError::new("is beyond all clocks")).at("installed_ms")?;
        Ok((generation, digest, at))
    };
    let v1::Room { vips, backends, flows } = hello.room.unwrap_or_default();
    if hello.labels.len() > MAX_LABELS {
        let reason = format_args!("are {}, at most {MAX_LABELS} are allowed", hello.labels.len());
        return Err(WireError::new(reason)).at("labels");
    }
    let label = |(key, value): (&String, &String)| {
        Ok::<_, WireError>((read::text(key, MAX_TEXT_BYTES)?, read::text(value, MAX_TEXT_BYTES)?))
    };
    Ok(Hello {
        version: read::text(&hello.version, MAX_TEXT_BYTES).at("version")?,
        standing: read::required(hello.standing.as_ref()).and_then(standing).at("standing")?,
        kept: read::limited(&hello.kept, MAX_KEPT).and_then(|all| read::list(all, kept)).at("kept")?,
        labels: hello.labels.iter().map(label).collect::<Result<_, _>>().at("labels")?,
        zone: hello.zone.as_deref().map(|zone| read::text(zone, MAX_TEXT_BYTES)).transpose().at("zone")?,
        addresses: read::limited(&hello.addresses, MAX_ADDRESSES)
            .and_then(|all| read::list(all, |address| read::address(address)))
            .at("addresses")?
            .into_iter()
            .collect(),
        room: Room { vips, backends, flows },
        relays: read::relays(&hello.relays).at("relays")?,
    })
}

fn set_report(set: &v1::SetReport) -> Result<SetReport, WireError> {
    let unhealthy = read::limited(&set.unhealthy, MAX_BACKENDS)
        .and_then(|names| read::list(names, |name| read::text(name, MAX_NAME_BYTES)))
        .at("unhealthy")?;
    Ok(SetReport { name: SetName::new(&set.name).at("name")?, unhealthy: unhealthy.into_iter().collect() })
}

fn report(report: &v1::Report) -> Result<Report, WireError> {
    let v1::Counters { packets, octets, dropped, flows } = report.counters.unwrap_or_default();
    let vip = |vip: &v1::VipReport| {
        Ok(VipReport {
            name: VipName::new(&vip.name).at("name")?,
            announced: vip.announced,
            healthy: vip.healthy,
            backends: vip.backends,
        })
    };
    Ok(Report {
        scope: if report.changes_only { ReportScope::Changes } else { ReportScope::Whole },
        installed: report.installed,
        vips: read::list(&report.vips, vip).at("vips")?,
        sets: read::list(&report.sets, set_report).at("sets")?,
        counters: Counters { packets, octets, dropped, flows },
    })
}
