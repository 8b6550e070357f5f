use guideway_dataplane_admin::v1::{ReloadRequest, ReloadResponse};
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
