//! The stream to lb-bfd.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use guideway_bfd::Diagnostic;
use guideway_bgp_admin::bfd::v1::bfd_client::BfdClient;
use guideway_bgp_admin::bfd::v1::{
    AttachRequest, AttachResponse, Change, Hello, Release, Want, attach_request, attach_response,
};
use tokio::sync::{mpsc, watch};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tracing::{debug, info};

use crate::client::Shared;
use crate::spec::Spec;
use crate::status::{BfdState, Problem, Status};

/// lb-bfd is on the same machine: trying often costs nothing.
const RETRY: Duration = Duration::from_millis(250);
/// Requests under way; when they are not taken, the next ones wait.
const QUEUE: usize = 64;

/// Runs until it is aborted.
pub(crate) async fn run(socket: PathBuf, name: String, shared: Arc<Shared>) {
    let mut told = None;
    loop {
        let why = match attach(&socket, &name, &shared, &mut told).await {
            Ok(()) => "the stream ended".to_owned(),
            Err(error) => text(error.as_ref()),
        };
        if told.as_ref() != Some(&why) {
            info!(socket = %socket.display(), %why, "lb-bfd cannot be reached; its sessions count as unknown");
        }
        let problem: Arc<str> = why.as_str().into();
        told = Some(why);
        for entry in shared.wanted().sessions.values() {
            unknown(&entry.status, Problem::Unreachable(Arc::clone(&problem)));
        }
        tokio::time::sleep(RETRY).await;
    }
}

type AnyError = Box<dyn Error + Send + Sync>;

async fn attach(
    socket: &std::path::Path,
    name: &str,
    shared: &Shared,
    told: &mut Option<String>,
) -> Result<(), AnyError> {
    let mut version = shared.subscribe();
    let mut client = BfdClient::new(guideway_dataplane_admin::connect(socket).await?);
    let (requests, stream) = mpsc::channel(QUEUE);
    let hello = attach_request::What::Hello(Hello { client: name.to_owned() });
    requests.send(AttachRequest { what: Some(hello) }).await?;
    let mut answers = client.attach(ReceiverStream::new(stream)).await?.into_inner();
    *told = None;
    debug!("attached to lb-bfd");
    let mut declared = BTreeMap::new();
    version.mark_changed();
    loop {
        tokio::select! {
            changed = version.changed() => {
                changed?;
                for what in differences(shared, &mut declared) {
                    // The answers wait meanwhile; lb-bfd never waits for one to be read before it takes the next request.
                    requests.send(AttachRequest { what: Some(what) }).await?;
                }
            }
            answer = answers.next() => match answer {
                Some(answer) => take(shared, answer?),
                None => return Ok(()),
            },
        }
    }
}

/// What has to be said so that lb-bfd knows what is wanted.
fn differences(shared: &Shared, declared: &mut BTreeMap<u64, Arc<Spec>>) -> Vec<attach_request::What> {
    let wanted = shared.wanted();
    let mut requests = Vec::new();
    declared.retain(|id, _| {
        let kept = wanted.sessions.contains_key(id);
        if !kept {
            requests.push(attach_request::What::Release(Release { id: *id }));
        }
        kept
    });
    for (id, entry) in &wanted.sessions {
        if declared.get(id).is_some_and(|spec| Arc::ptr_eq(spec, &entry.spec)) {
            continue;
        }
        declared.insert(*id, Arc::clone(&entry.spec));
        requests.push(attach_request::What::Want(Want { id: *id, spec: Some(entry.spec.to_proto()) }));
    }
    requests
}

fn take(shared: &Shared, answer: AttachResponse) {
    match answer.what {
        Some(attach_response::What::Change(change)) => {
            if let Some(entry) = shared.wanted().sessions.get(&change.id) {
                known(&entry.status, &change);
            }
        }
        Some(attach_response::What::Refusal(refusal)) => {
            if let Some(entry) = shared.wanted().sessions.get(&refusal.id) {
                unknown(&entry.status, Problem::Refused(refusal.reason.into()));
            }
        }
        None => {}
    }
}

fn known(status: &watch::Sender<Status>, change: &Change) {
    let state = BfdState::from_proto(change.state());
    let diagnostic = Diagnostic::from_bits(u8::try_from(change.diagnostic).unwrap_or_default());
    status.send_if_modified(|status| {
        let went_down = status.state == BfdState::Up && state == BfdState::Down;
        let downs = status.downs + u64::from(went_down);
        let next = Status { state, diagnostic, downs, problem: None };
        let modified = *status != next;
        *status = next;
        modified
    });
}

fn unknown(status: &watch::Sender<Status>, problem: Problem) {
    status.send_if_modified(|status| {
        let next = Status { state: BfdState::Unknown, problem: Some(problem), ..status.clone() };
        let modified = *status != next;
        *status = next;
        modified
    });
}

/// An error with its causes, which is where the transport's errors say what happened.
fn text(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
