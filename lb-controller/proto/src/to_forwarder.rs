//! From the leader.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use guideway_controller_core::limits::MAX_TEXT_BYTES;
use guideway_controller_core::message::ToForwarder;
use guideway_controller_core::{Generation, Term};

use crate::decode::Decoder;
use crate::error::{At, WireError};
use crate::v1::to_forwarder::Message;
use crate::{decode_delta, encode_delta, parts, past, read, v1};

/// Ten minutes.
const MAX_SILENCE_MS: u32 = 600_000;

/// The messages that carry `message`: one, or more when it is long.
#[must_use]
pub fn wire(message: &ToForwarder) -> Vec<v1::ToForwarder> {
    let short = match message {
        ToForwarder::Prepare { term, generation, delta } => {
            return prepare(*term, *generation, &encode_delta(delta)).collect();
        }
        ToForwarder::Commit { generation, digest, .. } => {
            Message::Commit(v1::Commit { generation: generation.0, digest: read::digest_bytes(*digest) })
        }
        ToForwarder::Abort { generation, .. } => Message::Abort(v1::Abort { generation: generation.0 }),
        ToForwarder::Fence { generation, reason, .. } => {
            Message::Fence(v1::Fence { generation: generation.0, reason: read::cut(reason, MAX_TEXT_BYTES) })
        }
        ToForwarder::Keepalive { .. } => Message::Keepalive(v1::Keepalive {}),
        ToForwarder::SendContent { generation, .. } => {
            Message::SendContent(v1::SendContent { generation: generation.0 })
        }
        ToForwarder::Touch { silence, relays, .. } => Message::Touch(touch_wire(*silence, relays)),
        ToForwarder::Past { term, sets } => {
            let part = |part| Message::Past(v1::Past { sets: Some(part) });
            let wire = |sets| v1::ToForwarder { term: term.0, message: Some(part(sets)) };
            return parts::split(&past::encode(sets)).map(wire).collect();
        }
    };
    vec![v1::ToForwarder { term: message.term().0, message: Some(short) }]
}

/// The messages of a [`ToForwarder::Prepare`] whose delta is encoded already: what goes to many is encoded once.
pub fn prepare(
    term: Term,
    generation: Generation,
    delta: &Bytes,
) -> impl Iterator<Item = v1::ToForwarder> + use<> {
    parts::split(delta).map(move |part| {
        let prepare = v1::Prepare { generation: generation.0, delta: Some(part) };
        v1::ToForwarder { term: term.0, message: Some(Message::Prepare(prepare)) }
    })
}

impl Decoder<ToForwarder> {
    /// What a message says; `None` when it is a part that is not the last one.
    ///
    /// # Errors
    ///
    /// When it says nothing that this version understands.
    pub fn push(&mut self, message: v1::ToForwarder) -> Result<Option<ToForwarder>, WireError> {
        let term = Term(message.term);
        Ok(Some(match read::required(message.message).at("message")? {
            Message::Prepare(v1::Prepare { generation, delta }) => {
                let part = read::required(delta).at("prepare.delta")?;
                let Some(whole) = self.assembly.push(generation, &part).at("prepare.delta")? else {
                    return Ok(None);
                };
                let delta = Arc::new(decode_delta(whole).at("prepare.delta")?);
                ToForwarder::Prepare { term, generation: Generation(generation), delta }
            }
            Message::Commit(v1::Commit { generation, digest }) => ToForwarder::Commit {
                term,
                generation: Generation(generation),
                digest: read::digest(&digest).at("commit.digest")?,
            },
            Message::Abort(v1::Abort { generation }) => {
                ToForwarder::Abort { term, generation: Generation(generation) }
            }
            Message::Fence(v1::Fence { generation, reason }) => ToForwarder::Fence {
                term,
                generation: Generation(generation),
                reason: read::text(&reason, MAX_TEXT_BYTES).at("fence.reason")?,
            },
            Message::Keepalive(v1::Keepalive {}) => ToForwarder::Keepalive { term },
            Message::SendContent(v1::SendContent { generation }) => {
                ToForwarder::SendContent { term, generation: Generation(generation) }
            }
            Message::Touch(message) => {
                let (silence, relays) = touch(&message).at("touch")?;
                ToForwarder::Touch { term, silence, relays }
            }
            Message::Past(v1::Past { sets }) => {
                let part = read::required(sets).at("past.sets")?;
                let Some(whole) = self.past.push(term.0, &part).at("past.sets")? else {
                    return Ok(None);
                };
                ToForwarder::Past { term, sets: Arc::new(past::decode(whole).at("past.sets")?) }
            }
        }))
    }
}

fn touch_wire(silence: Duration, relays: &BTreeSet<SocketAddr>) -> v1::Touch {
    v1::Touch {
        silence_ms: u32::try_from(silence.as_millis()).unwrap_or(MAX_SILENCE_MS).clamp(1, MAX_SILENCE_MS),
        relays: read::relays_wire(relays),
    }
}

fn touch(touch: &v1::Touch) -> Result<(Duration, BTreeSet<SocketAddr>), WireError> {
    let v1::Touch { silence_ms, relays } = touch;
    if !(1..=MAX_SILENCE_MS).contains(silence_ms) {
        let reason = format_args!("{silence_ms} is not from 1 to {MAX_SILENCE_MS}");
        return Err(WireError::new(reason)).at("silence_ms");
    }
    Ok((Duration::from_millis((*silence_ms).into()), read::relays(relays).at("relays")?))
}
