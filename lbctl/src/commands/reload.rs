use guideway_dataplane_admin::v1::{ReloadRequest, ReloadResponse, RollbackRequest};
use serde::Serialize;

use crate::cli::Cli;
use crate::dial::{Failure, dataplane};
use crate::outcome::{Answer, Outcome};
use crate::render;

pub(crate) async fn run(cli: &Cli) -> Result<Outcome, Failure> {
    let answer = dataplane(cli, |mut client| async move { client.reload(ReloadRequest {}).await }).await?;
    let text = render::output(cli, &view(&answer), || human(&answer))?;
    Ok(Outcome { text, answer: Answer::negative_if(!answer.accepted) })
}

/// `lbctl dataplane rollback`, which is answered as a reload is.
pub(crate) async fn roll_back(cli: &Cli, generation: u64) -> Result<Outcome, Failure> {
    let request = RollbackRequest { generation };
    let answer = dataplane(cli, |mut client| async move { client.rollback(request).await }).await?;
    let text = render::output(cli, &view(&answer), || rolled_back(&answer, generation))?;
    Ok(Outcome { text, answer: Answer::negative_if(!answer.accepted) })
}

#[derive(Serialize)]
struct View<'a> {
    accepted: bool,
    generation: u64,
    errors: &'a [String],
}

fn view(answer: &ReloadResponse) -> View<'_> {
    View { accepted: answer.accepted, generation: answer.generation, errors: &answer.errors }
}

fn human(answer: &ReloadResponse) -> String {
    if answer.accepted {
        return format!("accepted: generation {} is in force\n", answer.generation);
    }
    let mut text = format!("refused: generation {} stays in force\n", answer.generation);
    text.push_str(&render::labelled(answer.errors.iter().map(|error| ("", error.clone()))));
    text
}

fn rolled_back(answer: &ReloadResponse, generation: u64) -> String {
    let text = human(answer);
    if answer.accepted {
        format!(
            "{text}it has the configuration of generation {generation}; the file has not, and is read at the next reload \
             or start\n"
        )
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::json;

    #[test]
    fn accepted() {
        let answer = ReloadResponse { accepted: true, generation: 13, errors: vec![] };
        assert_eq!(human(&answer), "accepted: generation 13 is in force\n");
        insta::assert_snapshot!(json(&view(&answer)).unwrap());
    }

    #[test]
    fn a_rollback_reminds_of_the_file() {
        let mut answer = ReloadResponse { accepted: true, generation: 15, errors: vec![] };
        insta::assert_snapshot!(rolled_back(&answer, 12), @r"
        accepted: generation 15 is in force
        it has the configuration of generation 12; the file has not, and is read at the next reload or start
        ");
        answer.accepted = false;
        assert_eq!(rolled_back(&answer, 12), "refused: generation 15 stays in force\n");
    }

    #[test]
    fn refused() {
        let errors =
            vec!["lb.yaml:1:7: seed: wrong".to_owned(), "lb.yaml:2:1: vip: unknown field".to_owned()];
        let answer = ReloadResponse { accepted: false, generation: 12, errors };
        insta::assert_snapshot!(human(&answer), @r"
        refused: generation 12 stays in force
          lb.yaml:1:7: seed: wrong
          lb.yaml:2:1: vip: unknown field
        ");
    }
}
