//! `lbctl apply`, `rollback` and `resume`: what operators decide.

use guideway_controller_admin::v1::{ApplyRequest, OutcomeResponse, ResumeRequest, RollbackRequest};
use serde::Serialize;

use super::diff;
use super::generations::{Stamp, stamp, stamp_text};
use crate::cli::Cli;
use crate::dial::{Failure, controller};
use crate::outcome::{Answer, Outcome};
use crate::render;

/// Without `yes` it is only told what waits.
pub(crate) async fn run(cli: &Cli, yes: bool) -> Result<Outcome, Failure> {
    let next = diff::ask(cli, 0).await?;
    let waits = next.to.as_ref().filter(|_| next.held).map(|stamp| stamp.generation);
    match waits {
        None => {
            let answer = OutcomeResponse { outcome: "unchanged".to_owned(), ..OutcomeResponse::default() };
            let text = render::output(cli, &view(&answer), || "nothing waits for a decision\n".to_owned())?;
            Ok(Outcome::positive(text))
        }
        Some(_) if !yes => {
            let text = render::output(cli, &diff::view(&next), || {
                diff::human(&next) + "\nnothing is applied: `lbctl apply --yes` does it\n"
            })?;
            Ok(Outcome { text, answer: Answer::Negative })
        }
        Some(generation) => {
            let request = ApplyRequest { generation };
            let answer = controller(cli, |mut client| async move { client.apply(request).await }).await?;
            outcome(cli, &answer)
        }
    }
}

pub(crate) async fn roll_back(cli: &Cli, generation: u64) -> Result<Outcome, Failure> {
    let request = RollbackRequest { generation };
    let answer = controller(cli, |mut client| async move { client.rollback(request).await }).await?;
    outcome(cli, &answer)
}

pub(crate) async fn resume(cli: &Cli) -> Result<Outcome, Failure> {
    let answer = controller(cli, |mut client| async move { client.resume(ResumeRequest {}).await }).await?;
    outcome(cli, &answer)
}

fn outcome(cli: &Cli, answer: &OutcomeResponse) -> Result<Outcome, Failure> {
    let text = render::output(cli, &view(answer), || human(answer))?;
    let done = matches!(answer.outcome.as_str(), "committed" | "resumed" | "unchanged");
    Ok(Outcome { text, answer: Answer::negative_if(!done) })
}

#[derive(Serialize)]
struct View<'a> {
    outcome: &'a str,
    stamp: Option<Stamp<'a>>,
    reason: Option<&'a str>,
}

fn view(answer: &OutcomeResponse) -> View<'_> {
    View {
        outcome: &answer.outcome,
        stamp: answer.stamp.as_ref().map(stamp),
        reason: render::non_empty(&answer.reason),
    }
}

fn human(answer: &OutcomeResponse) -> String {
    let stamp = stamp_text(answer.stamp.as_ref());
    match answer.outcome.as_str() {
        "committed" => format!("generation {stamp} is committed\n"),
        "held" => format!(
            "generation {stamp} waits: it disturbs more than the budget allows; see `lbctl diff`, and take it with \
             `lbctl apply --yes`\n"
        ),
        "resumed" => "what Kubernetes says is rolled out again; see `lbctl generations`\n".to_owned(),
        "unchanged" => "there was nothing to do\n".to_owned(),
        _ => format!("refused: {}\n", answer.reason),
    }
}

#[cfg(test)]
mod tests {
    use guideway_controller_admin::v1;

    use super::*;
    use crate::render::json;

    #[test]
    fn outcomes() {
        let answer = |outcome: &str| OutcomeResponse {
            outcome: outcome.to_owned(),
            stamp: Some(v1::Stamp { generation: 42, digest: "0".repeat(64) }),
            reason: String::new(),
        };
        assert_eq!(human(&answer("committed")), "generation 42 (0000000000000000) is committed\n");
        assert!(human(&answer("held")).contains("lbctl apply --yes"));
        let refused = OutcomeResponse { reason: "no room".to_owned(), ..answer("refused") };
        assert_eq!(human(&refused), "refused: no room\n");
        insta::assert_snapshot!(json(&view(&refused)).unwrap());
    }
}
