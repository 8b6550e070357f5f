//! Drains, and how far they are.

use std::io::Write;

use guideway_bgp_admin::v1::{Drain, DrainProgress, DrainRequest, UndrainRequest};
use serde::Serialize;

use crate::cli::{Cli, DrainArgs, Output};
use crate::dial::{Failure, speaker, speaker_stream};
use crate::outcome::{Answer, Outcome};
use crate::render::{self, non_empty};

pub(crate) async fn run(cli: &Cli, arguments: &DrainArgs) -> Result<Outcome, Failure> {
    let request = DrainRequest {
        vip: arguments.vip.clone().unwrap_or_default(),
        below_flows: arguments.below,
        timeout_ms: cli.timeout.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        force: arguments.force,
        reason: arguments.reason.clone(),
    };
    let mut drained = false;
    let call = |mut client: Client| async move { client.drain(request).await };
    let hint = "; the drain is kept, and goes on when bgp-speaker is back: `lbctl bgp peers` shows it";
    speaker_stream(cli, hint, call, |step: DrainProgress| {
        drained = step.drain.as_ref().is_some_and(|drain| drain.phase == "drained");
        // Each step at once; who closed the pipe has seen enough, and the drain goes on.
        let _unread = std::io::stdout().write_all(text(cli, &step)?.as_bytes());
        Ok(())
    })
    .await?;
    Ok(Outcome { text: String::new(), answer: Answer::negative_if(!drained) })
}

pub(crate) async fn undrain(cli: &Cli, vip: Option<&str>) -> Result<Outcome, Failure> {
    let request = UndrainRequest { vip: vip.unwrap_or_default().to_owned() };
    speaker(cli, |mut client| async move { client.undrain(request).await }).await?;
    let what = vip.unwrap_or("the node");
    render::output(cli, &Undrained { vip }, || format!("{what}: announced again\n")).map(Outcome::positive)
}

type Client = guideway_bgp_admin::v1::speaker_client::SpeakerClient<tonic::transport::Channel>;

#[derive(Serialize)]
struct Undrained<'a> {
    vip: Option<&'a str>,
}

/// A drain in JSON.
#[derive(Serialize)]
pub(super) struct DrainView<'a> {
    vip: Option<&'a str>,
    phase: &'a str,
    since_unix_ms: u64,
    deadline_unix_ms: Option<u64>,
    below_flows: Option<u64>,
    flows: Option<u64>,
    force: bool,
    reason: Option<&'a str>,
}

pub(super) fn drain_view(drain: &Drain) -> DrainView<'_> {
    DrainView {
        vip: non_empty(&drain.vip),
        phase: &drain.phase,
        since_unix_ms: drain.since_unix_ms,
        deadline_unix_ms: (drain.deadline_unix_ms > 0).then_some(drain.deadline_unix_ms),
        below_flows: drain.below_flows,
        flows: drain.flows,
        force: drain.force,
        reason: non_empty(&drain.reason),
    }
}

#[derive(Serialize)]
struct Step<'a> {
    drain: Option<DrainView<'a>>,
    text: &'a str,
}

fn text(cli: &Cli, step: &DrainProgress) -> Result<String, Failure> {
    match cli.output {
        Output::Json => json(step),
        Output::Table => Ok(human(step)),
    }
}

/// One line.
fn json(step: &DrainProgress) -> Result<String, Failure> {
    let step = Step { drain: step.drain.as_ref().map(drain_view), text: &step.text };
    serde_json::to_string(&step).map(|text| text + "\n").map_err(|error| Failure::Output(error.into()))
}

fn human(step: &DrainProgress) -> String {
    let phase = step.drain.as_ref().map_or("-", |drain| drain.phase.as_str());
    render::labelled([(phase, step.text.clone())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_a_line() {
        let drain = Drain {
            vip: "203.0.113.10/32".to_owned(),
            phase: "waiting".to_owned(),
            since_unix_ms: 1_000,
            deadline_unix_ms: 301_000,
            below_flows: Some(10),
            flows: Some(250),
            force: false,
            reason: "kernel update".to_owned(),
        };
        let step = DrainProgress { drain: Some(drain), text: "250 flows".to_owned() };
        assert_eq!(human(&step), "waiting  250 flows\n");
        insta::assert_snapshot!(json(&step).unwrap());
    }
}
