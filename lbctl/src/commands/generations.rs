use guideway_controller_admin::v1::{GenerationsRequest, GenerationsResponse, Stamp as WireStamp};
use serde::Serialize;

use super::diff::{Disruption, disruption, disruption_lines};
use crate::cli::Cli;
use crate::dial::{Failure, controller};
use crate::outcome::Outcome;
use crate::render::{self, Column, labelled, non_empty, table, yes_no};

pub(crate) async fn run(cli: &Cli) -> Result<Outcome, Failure> {
    let answer =
        controller(cli, |mut client| async move { client.generations(GenerationsRequest {}).await }).await?;
    render::output(cli, &view(&answer), || human(&answer)).map(Outcome::positive)
}

#[derive(Serialize)]
struct View<'a> {
    role: &'a str,
    term: Option<u64>,
    leader: Option<&'a str>,
    committed: Option<Stamp<'a>>,
    desired: Option<&'a str>,
    rolled_back_to: Option<u64>,
    rollout: Option<Rollout<'a>>,
    aborted: Option<Aborted<'a>>,
    forwarders: Vec<Forwarder<'a>>,
}

#[derive(Serialize)]
pub(super) struct Stamp<'a> {
    generation: u64,
    digest: &'a str,
}

#[derive(Serialize)]
struct Rollout<'a> {
    #[serde(flatten)]
    stamp: Option<Stamp<'a>>,
    phase: &'a str,
    disruption: Option<Disruption<'a>>,
    waiting: &'a [String],
    flows_at_risk: u64,
}

#[derive(Serialize)]
struct Aborted<'a> {
    #[serde(flatten)]
    stamp: Option<Stamp<'a>>,
    reason: &'a str,
}

#[derive(Serialize)]
struct Forwarder<'a> {
    name: &'a str,
    connected: bool,
    current: bool,
    fenced: bool,
    generation: Option<u64>,
    prepared: Option<u64>,
}

pub(super) fn stamp(stamp: &WireStamp) -> Stamp<'_> {
    Stamp { generation: stamp.generation, digest: &stamp.digest }
}

fn some(number: u64) -> Option<u64> {
    (number > 0).then_some(number)
}

fn view(answer: &GenerationsResponse) -> View<'_> {
    let forwarders = answer.forwarders.iter().map(|forwarder| Forwarder {
        name: &forwarder.name,
        connected: forwarder.connected,
        current: forwarder.current,
        fenced: forwarder.fenced,
        generation: some(forwarder.generation),
        prepared: some(forwarder.prepared),
    });
    View {
        role: &answer.role,
        term: some(answer.term),
        leader: non_empty(&answer.leader),
        committed: answer.committed.as_ref().map(stamp),
        desired: non_empty(&answer.desired),
        rolled_back_to: some(answer.rolled_back_to),
        rollout: answer.rollout.as_ref().map(|rollout| Rollout {
            stamp: rollout.stamp.as_ref().map(stamp),
            phase: &rollout.phase,
            disruption: rollout.disruption.as_ref().map(disruption),
            waiting: &rollout.waiting,
            flows_at_risk: rollout.flows_at_risk,
        }),
        aborted: answer
            .aborted
            .as_ref()
            .map(|aborted| Aborted { stamp: aborted.stamp.as_ref().map(stamp), reason: &aborted.reason }),
        forwarders: forwarders.collect(),
    }
}

/// A generation and the beginning of its digest.
pub(super) fn stamp_text(stamp: Option<&WireStamp>) -> String {
    stamp.map_or_else(String::new, |stamp| format!("{} ({})", stamp.generation, short(&stamp.digest)))
}

/// The beginning of a digest, which tells two apart.
pub(super) fn short(digest: &str) -> &str {
    digest.get(..16).unwrap_or(digest)
}

fn human(answer: &GenerationsResponse) -> String {
    let role = match answer.role.as_str() {
        "leading" => format!("leading, term {}", answer.term),
        "standby" if answer.leader.is_empty() => "standby; nobody is known to lead".to_owned(),
        "standby" => format!("standby; {} leads", answer.leader),
        other => other.to_owned(),
    };
    let is_committed = answer.committed.as_ref().is_some_and(|stamp| stamp.digest == answer.desired);
    let desired = match answer.desired.as_str() {
        "" => String::new(),
        _ if is_committed => "what is committed".to_owned(),
        digest => short(digest).to_owned(),
    };
    let rollout = answer.rollout.as_ref().map(|rollout| {
        let waiting = rollout.waiting.join(", ");
        let who = non_empty(&waiting).map(|who| format!(", waits for {who}")).unwrap_or_default();
        let held = if rollout.phase == "held" { ", waits for `lbctl apply --yes`" } else { &who };
        format!("generation {}, {}{held}", stamp_text(rollout.stamp.as_ref()), rollout.phase)
    });
    let aborted = answer.aborted.as_ref();
    let aborted = aborted
        .map(|aborted| format!("generation {}: {}", stamp_text(aborted.stamp.as_ref()), aborted.reason));
    let rolled_back = some(answer.rolled_back_to).map(|generation| {
        format!("to generation {generation}; what Kubernetes says waits for `lbctl resume`")
    });
    let mut text = labelled([
        ("controller", role),
        ("committed", stamp_text(answer.committed.as_ref())),
        ("wanted", desired),
        ("under way", rollout.unwrap_or_default()),
        ("rolled back", rolled_back.unwrap_or_default()),
        ("given up", aborted.unwrap_or_default()),
    ]);
    if let Some(disruption) = answer.rollout.as_ref().and_then(|rollout| rollout.disruption.as_ref()) {
        text.push_str(&disruption_lines(disruption));
    }
    if !answer.forwarders.is_empty() {
        text.push('\n');
        let columns = [
            Column::Text("FORWARDER"),
            Column::Number("GENERATION"),
            Column::Number("PREPARED"),
            Column::Text("CONNECTED"),
            Column::Text("CURRENT"),
            Column::Text("FENCED"),
        ];
        let number = |number| some(number).map_or_else(|| "-".to_owned(), |number| number.to_string());
        let rows = answer.forwarders.iter().map(|forwarder| {
            vec![
                forwarder.name.clone(),
                number(forwarder.generation),
                number(forwarder.prepared),
                yes_no(forwarder.connected),
                yes_no(forwarder.current),
                yes_no(forwarder.fenced),
            ]
        });
        text.push_str(&table(&columns, rows));
    }
    text
}

#[cfg(test)]
mod tests {
    use guideway_controller_admin::v1;

    use super::*;
    use crate::render::json;

    fn wire(generation: u64, digit: char) -> WireStamp {
        WireStamp { generation, digest: digit.to_string().repeat(64) }
    }

    #[test]
    fn one_that_waits() {
        let set = v1::SetDisruption {
            set: "east/web/shop/80".to_owned(),
            slots: 65_537,
            moved_live: 7000,
            moved_dead: 12,
            exact: true,
        };
        let moved = v1::VipMoved {
            vip: "v".to_owned(),
            from: "a".to_owned(),
            to: "b".to_owned(),
            slots: 16_381,
            moved_live: 5460,
            moved_dead: 1,
        };
        let disruption =
            v1::Disruption { sets: vec![set], vips_moved: vec![moved], vips_removed: vec!["w".to_owned()] };
        let answer = GenerationsResponse {
            role: "leading".to_owned(),
            term: 5,
            leader: "controller-a".to_owned(),
            committed: Some(wire(41, 'a')),
            desired: "b".repeat(64),
            rolled_back_to: 40,
            rollout: Some(v1::Rollout {
                stamp: Some(wire(42, 'b')),
                phase: "held".to_owned(),
                disruption: Some(disruption),
                waiting: vec!["fw2".to_owned()],
                flows_at_risk: 120,
            }),
            aborted: Some(v1::Aborted {
                stamp: Some(wire(39, 'c')),
                reason: "fw2 refused it: no room".to_owned(),
            }),
            forwarders: vec![
                v1::ForwarderGeneration {
                    name: "fw1".to_owned(),
                    connected: true,
                    current: true,
                    fenced: false,
                    generation: 41,
                    prepared: 42,
                },
                v1::ForwarderGeneration { name: "fw2".to_owned(), ..v1::ForwarderGeneration::default() },
            ],
        };
        insta::assert_snapshot!(human(&answer));
        insta::assert_snapshot!(json(&view(&answer)).unwrap());
    }

    #[test]
    fn one_that_does_not_lead() {
        let answer = GenerationsResponse {
            role: "standby".to_owned(),
            leader: "controller-b".to_owned(),
            ..GenerationsResponse::default()
        };
        assert_eq!(human(&answer), "controller  standby; controller-b leads\n");
    }
}
