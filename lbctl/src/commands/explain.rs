use guideway_dataplane_admin::v1::{ExplainRequest, ExplainResponse};
use serde::Serialize;

use crate::cli::{Cli, Flow};
use crate::dial::{Failure, dataplane};
use crate::outcome::{Answer, Outcome};
use crate::render::{self, labelled, non_empty};

pub(crate) async fn run(cli: &Cli, flow: &Flow) -> Result<Outcome, Failure> {
    if flow.source.is_ipv4() != flow.destination.is_ipv4() {
        return Err(Failure::Usage(
            "source and destination are of different families: one packet has only one".to_owned(),
        ));
    }
    let request = ExplainRequest {
        source_address: flow.source.ip().to_string(),
        source_port: flow.source.port().into(),
        destination_address: flow.destination.ip().to_string(),
        destination_port: flow.destination.port().into(),
        protocol: flow.protocol.as_str().to_owned(),
    };
    let answer = dataplane(cli, |mut client| async move { client.explain(request).await }).await?;
    let text = render::output(cli, &view(flow, &answer), || human(flow, &answer))?;
    Ok(Outcome { text, answer: Answer::negative_if(answer.verdict != "forward") })
}

#[derive(Serialize)]
struct View<'a> {
    source: String,
    destination: String,
    protocol: &'a str,
    verdict: &'a str,
    reason: &'a str,
    generation: u64,
    vip: Option<&'a str>,
    backend_set: Option<&'a str>,
    flow_hash: Option<&'a str>,
    table_size: Option<u32>,
    slot: Option<u32>,
    backend: Option<&'a str>,
    backend_address: Option<&'a str>,
    preferred_backend: Option<&'a str>,
    encapsulation: Option<&'a str>,
    outer_source: Option<&'a str>,
    outer_destination: Option<&'a str>,
    candidates: Vec<Candidate<'a>>,
}

#[derive(Serialize)]
struct Candidate<'a> {
    backend: &'a str,
    address: &'a str,
    state: &'a str,
    reason: &'a str,
}

fn view<'a>(flow: &Flow, answer: &'a ExplainResponse) -> View<'a> {
    let table_size = (answer.table_size > 0).then_some(answer.table_size);
    View {
        source: flow.source.to_string(),
        destination: flow.destination.to_string(),
        protocol: flow.protocol.as_str(),
        verdict: &answer.verdict,
        reason: &answer.reason,
        generation: answer.generation,
        vip: non_empty(&answer.vip),
        backend_set: non_empty(&answer.backend_set),
        flow_hash: non_empty(&answer.flow_hash),
        table_size,
        slot: table_size.map(|_| answer.slot),
        backend: non_empty(&answer.backend),
        backend_address: non_empty(&answer.backend_address),
        preferred_backend: non_empty(&answer.preferred_backend),
        encapsulation: non_empty(&answer.encapsulation),
        outer_source: non_empty(&answer.outer_source),
        outer_destination: non_empty(&answer.outer_destination),
        candidates: answer
            .candidates
            .iter()
            .map(|candidate| Candidate {
                backend: &candidate.backend,
                address: &candidate.address,
                state: &candidate.state,
                reason: &candidate.reason,
            })
            .collect(),
    }
}

fn human(flow: &Flow, answer: &ExplainResponse) -> String {
    let slot = match answer.table_size {
        0 => String::new(),
        size => format!("{} of {size}", answer.slot),
    };
    let backend = match non_empty(&answer.backend) {
        None => String::new(),
        Some(name) => format!("{name} ({})", answer.backend_address),
    };
    let preferred = match non_empty(&answer.preferred_backend) {
        None => String::new(),
        Some(name) => format!("{name}, were it healthy"),
    };
    let outer = match non_empty(&answer.encapsulation) {
        None => String::new(),
        Some(kind) => format!("{kind} {} -> {}", answer.outer_source, answer.outer_destination),
    };
    let lines = [
        ("flow", format!("{} -> {} {}", flow.source, flow.destination, flow.protocol.as_str())),
        ("verdict", answer.verdict.clone()),
        ("reason", answer.reason.clone()),
        ("generation", answer.generation.to_string()),
        ("VIP", answer.vip.clone()),
        ("backend set", answer.backend_set.clone()),
        ("flow hash", answer.flow_hash.clone()),
        ("slot", slot),
        ("backend", backend),
        ("preferred", preferred),
        ("outer header", outer),
    ];
    let candidates = answer.candidates.iter().enumerate().map(|(index, candidate)| {
        let label = if index == 0 { "candidates" } else { "" };
        let guideway_dataplane_admin::v1::Candidate { backend, address, state, reason } = candidate;
        (label, format!("{backend} ({address}), {state}: {reason}"))
    });
    labelled(lines.into_iter().chain(candidates))
}

#[cfg(test)]
mod tests {
    use guideway_dataplane_admin::v1;

    use super::*;
    use crate::cli::Protocol;
    use crate::render::json;

    fn flow() -> Flow {
        Flow {
            source: "[2001:db8:1::7]:40000".parse().unwrap(),
            destination: "[2001:db8::10]:80".parse().unwrap(),
            protocol: Protocol::Tcp,
        }
    }

    fn candidate(backend: &str, address: &str, state: &str, reason: &str) -> v1::Candidate {
        v1::Candidate {
            backend: backend.to_owned(),
            address: address.to_owned(),
            state: state.to_owned(),
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn forwarded() {
        let answer = ExplainResponse {
            verdict: "forward".to_owned(),
            reason: "slot 0 belongs to be3, which is unhealthy; be1 takes its place".to_owned(),
            generation: 12,
            vip: "web-v6".to_owned(),
            flow_hash: "00000000deadbeef".to_owned(),
            table_size: 65_537,
            slot: 0,
            backend: "be1".to_owned(),
            backend_address: "10.1.11.2".to_owned(),
            encapsulation: "ipip".to_owned(),
            outer_source: "172.16.190.239".to_owned(),
            outer_destination: "10.1.11.2".to_owned(),
            preferred_backend: "be3".to_owned(),
            backend_set: "web".to_owned(),
            candidates: vec![
                candidate("be1", "10.1.11.2", "serving", "the slot is its now"),
                candidate(
                    "be2",
                    "10.1.12.2",
                    "draining",
                    "the slot was its before generation 12, for 9m more",
                ),
            ],
        };
        insta::assert_snapshot!(human(&flow(), &answer));
        insta::assert_snapshot!(json(&view(&flow(), &answer)).unwrap());
    }

    #[test]
    fn passed() {
        let answer = ExplainResponse {
            verdict: "pass".to_owned(),
            reason: "2001:db8::10 is not the address of a VIP".to_owned(),
            generation: 12,
            ..ExplainResponse::default()
        };
        insta::assert_snapshot!(human(&flow(), &answer));
        insta::assert_snapshot!(json(&view(&flow(), &answer)).unwrap());
    }
}
