use guideway_bgp_admin::v1::{ExplainRequest, ExplainResponse};
use serde::Serialize;

use super::bgp_paths::{PathView, communities, path_view};
use crate::cli::Cli;
use crate::dial::{Failure, speaker};
use crate::outcome::{Answer, Outcome};
use crate::render::{self, Column, labelled, non_empty, now_unix_ms, or_dash, since, table, yes_no};

pub(crate) async fn run(cli: &Cli, target: &str) -> Result<Outcome, Failure> {
    let request = ExplainRequest { target: target.to_owned() };
    let answer = speaker(cli, |mut client| async move { client.explain(request).await }).await?;
    let text = render::output(cli, &view(&answer), || human(&answer, now_unix_ms()))?;
    Ok(Outcome { text, answer: Answer::negative_if(!answer.announced) })
}

#[derive(Serialize)]
struct View<'a> {
    prefix: &'a str,
    announced: bool,
    state: Option<&'a str>,
    since_unix_ms: Option<u64>,
    reasons: &'a [String],
    peers: Vec<Peer<'a>>,
}

#[derive(Serialize)]
struct Peer<'a> {
    peer: &'a str,
    announced: bool,
    reason: Option<&'a str>,
    since_unix_ms: Option<u64>,
    path: Option<PathView<'a>>,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
struct Rule<'a> {
    attribute: &'a str,
    value: &'a str,
    source: &'a str,
}

fn view(answer: &ExplainResponse) -> View<'_> {
    let peers = answer.peers.iter().map(|peer| Peer {
        peer: &peer.peer,
        announced: peer.announced,
        reason: non_empty(&peer.reason),
        since_unix_ms: (peer.since_unix_ms > 0).then_some(peer.since_unix_ms),
        path: peer.path.as_ref().map(path_view),
        rules: peer
            .rules
            .iter()
            .map(|rule| Rule { attribute: &rule.attribute, value: &rule.value, source: &rule.source })
            .collect(),
    });
    View {
        prefix: &answer.prefix,
        announced: answer.announced,
        state: non_empty(&answer.state),
        since_unix_ms: (answer.since_unix_ms > 0).then_some(answer.since_unix_ms),
        reasons: &answer.reasons,
        peers: peers.collect(),
    }
}

fn human(answer: &ExplainResponse, now_unix_ms: u64) -> String {
    let state = match answer.since_unix_ms {
        0 => or_dash(&answer.state),
        at => format!("{}, for {}", or_dash(&answer.state), since(at, now_unix_ms)),
    };
    let mut text = labelled(
        [("prefix", answer.prefix.clone()), ("announced", yes_no(answer.announced)), ("state", state)]
            .into_iter()
            .chain(answer.reasons.iter().map(|reason| ("because", reason.clone()))),
    );
    for peer in &answer.peers {
        let mut lines = vec![("peer", peer.peer.clone()), ("announced", yes_no(peer.announced))];
        lines.push(("because", peer.reason.clone()));
        if let Some(path) = &peer.path {
            if peer.since_unix_ms > 0 {
                lines.push(("since", since(peer.since_unix_ms, now_unix_ms)));
            }
            lines.push(("next hop", path.next_hop.clone()));
            lines.push(("AS path", path.as_path.clone()));
            lines.push(("MED", path.med.map(|med| med.to_string()).unwrap_or_default()));
            let local_pref = path.local_pref.map(|local_pref| local_pref.to_string());
            lines.push(("local pref", local_pref.unwrap_or_default()));
            lines.push(("communities", communities(path)));
        }
        text.push('\n');
        text.push_str(&labelled(lines));
        if !peer.rules.is_empty() {
            let columns = [Column::Text("ATTRIBUTE"), Column::Text("VALUE"), Column::Text("FROM")];
            let rows = peer
                .rules
                .iter()
                .map(|rule| vec![rule.attribute.clone(), rule.value.clone(), rule.source.clone()]);
            text.push_str(&table(&columns, rows));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use guideway_bgp_admin::v1::{ExplainPeer, Path, Rule};

    use super::*;
    use crate::render::json;

    #[test]
    fn announced_to_one_of_two() {
        let rule = Rule {
            attribute: "communities".to_owned(),
            value: "65001:100".to_owned(),
            source: "pools[0] (203.0.113.0/24)".to_owned(),
        };
        let path = Path {
            prefix: "203.0.113.10/32".to_owned(),
            next_hop: "10.1.1.2".to_owned(),
            as_path: "65001".to_owned(),
            communities: vec!["65001:100".to_owned()],
            ..Path::default()
        };
        let told = ExplainPeer {
            peer: "tor1".to_owned(),
            announced: true,
            since_unix_ms: 1_000,
            path: Some(path),
            rules: vec![rule],
            ..ExplainPeer::default()
        };
        let not = ExplainPeer {
            peer: "tor2".to_owned(),
            reason: "the session is not established (Active): connection refused".to_owned(),
            ..ExplainPeer::default()
        };
        let answer = ExplainResponse {
            prefix: "203.0.113.10/32".to_owned(),
            announced: true,
            state: "announced".to_owned(),
            since_unix_ms: 1_000,
            reasons: vec!["lb-dataplane serves it".to_owned()],
            peers: vec![told, not],
        };
        insta::assert_snapshot!(human(&answer, 61_000));
        insta::assert_snapshot!(json(&view(&answer)).unwrap());
    }

    #[test]
    fn nobody_serves_it() {
        let answer = ExplainResponse {
            prefix: "203.0.113.99/32".to_owned(),
            reasons: vec!["lb-dataplane does not serve it: look at `lbctl vips`".to_owned()],
            ..ExplainResponse::default()
        };
        insta::assert_snapshot!(human(&answer, 61_000), @r"
        prefix     203.0.113.99/32
        announced  no
        state      -
        because    lb-dataplane does not serve it: look at `lbctl vips`
        ");
    }
}
