//! What a peer announces, and what it was told.

use guideway_bgp_admin::v1::{AdjRibRequest, Path, Paths};
use serde::Serialize;

use crate::cli::Cli;
use crate::dial::{Failure, speaker_stream};
use crate::outcome::Outcome;
use crate::render::{self, Column, non_empty, now_unix_ms, or_dash, since, table, yes_no};

pub(crate) async fn adj_rib_in(cli: &Cli, peer: &str, prefix: Option<&str>) -> Result<Outcome, Failure> {
    let request = request(peer, prefix);
    show(cli, |mut client| async move { client.adj_rib_in(request).await }).await
}

pub(crate) async fn adj_rib_out(cli: &Cli, peer: &str, prefix: Option<&str>) -> Result<Outcome, Failure> {
    let request = request(peer, prefix);
    show(cli, |mut client| async move { client.adj_rib_out(request).await }).await
}

async fn show<F>(cli: &Cli, call: impl FnOnce(Client) -> F) -> Result<Outcome, Failure>
where
    F: Future<Output = Result<tonic::Response<tonic::Streaming<Paths>>, tonic::Status>>,
{
    let mut paths = Vec::new();
    let take = |part: Paths| {
        paths.extend(part.paths);
        Ok(())
    };
    speaker_stream(cli, "", call, take).await?;
    render::output(cli, &view(&paths), || human(&paths, now_unix_ms())).map(Outcome::positive)
}

type Client = guideway_bgp_admin::v1::speaker_client::SpeakerClient<tonic::transport::Channel>;

fn request(peer: &str, prefix: Option<&str>) -> AdjRibRequest {
    AdjRibRequest { peer: peer.to_owned(), prefix: prefix.unwrap_or_default().to_owned() }
}

#[derive(Serialize)]
struct View<'a> {
    paths: Vec<PathView<'a>>,
}

/// A path in JSON.
#[derive(Serialize)]
pub(super) struct PathView<'a> {
    prefix: &'a str,
    path_id: u32,
    next_hop: Option<&'a str>,
    next_hop_link_local: Option<&'a str>,
    origin: Option<&'a str>,
    as_path: &'a str,
    med: Option<u32>,
    local_pref: Option<u32>,
    communities: &'a [String],
    extended_communities: &'a [String],
    large_communities: &'a [String],
    originator_id: Option<&'a str>,
    cluster_list: &'a [String],
    only_to_customer: Option<u32>,
    atomic_aggregate: bool,
    aggregator: Option<&'a str>,
    link_bandwidth: Option<u64>,
    stale: bool,
    since_unix_ms: Option<u64>,
    unknown_attributes: &'a [u32],
}

pub(super) fn path_view(path: &Path) -> PathView<'_> {
    PathView {
        prefix: &path.prefix,
        path_id: path.path_id,
        next_hop: non_empty(&path.next_hop),
        next_hop_link_local: non_empty(&path.next_hop_link_local),
        origin: non_empty(&path.origin),
        as_path: &path.as_path,
        med: path.med,
        local_pref: path.local_pref,
        communities: &path.communities,
        extended_communities: &path.extended_communities,
        large_communities: &path.large_communities,
        originator_id: non_empty(&path.originator_id),
        cluster_list: &path.cluster_list,
        only_to_customer: path.only_to_customer,
        atomic_aggregate: path.atomic_aggregate,
        aggregator: non_empty(&path.aggregator),
        link_bandwidth: (path.link_bandwidth > 0).then_some(path.link_bandwidth),
        stale: path.stale,
        since_unix_ms: (path.since_unix_ms > 0).then_some(path.since_unix_ms),
        unknown_attributes: &path.unknown_attributes,
    }
}

fn view(paths: &[Path]) -> View<'_> {
    View { paths: paths.iter().map(path_view).collect() }
}

/// All communities of a path, of whatever kind.
pub(super) fn communities(path: &Path) -> String {
    let kinds = [&path.communities, &path.extended_communities, &path.large_communities];
    kinds.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn human(paths: &[Path], now_unix_ms: u64) -> String {
    let columns = [
        Column::Text("PREFIX"),
        Column::Number("ID"),
        Column::Text("NEXT HOP"),
        Column::Text("AS PATH"),
        Column::Number("MED"),
        Column::Number("LOCAL PREF"),
        Column::Text("COMMUNITIES"),
        Column::Text("STALE"),
        Column::Text("SINCE"),
    ];
    let number = |number: Option<u32>| number.map_or("-".to_owned(), |number| number.to_string());
    let rows = paths.iter().map(|path| {
        vec![
            path.prefix.clone(),
            path.path_id.to_string(),
            or_dash(&path.next_hop),
            or_dash(&path.as_path),
            number(path.med),
            number(path.local_pref),
            or_dash(&communities(path)),
            yes_no(path.stale),
            since(path.since_unix_ms, now_unix_ms),
        ]
    });
    table(&columns, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::json;

    #[test]
    fn table_and_json() {
        let path = Path {
            prefix: "203.0.113.10/32".to_owned(),
            next_hop: "10.1.1.2".to_owned(),
            origin: "igp".to_owned(),
            as_path: "65001 65001".to_owned(),
            med: Some(10),
            communities: vec!["65001:100".to_owned(), "graceful-shutdown".to_owned()],
            large_communities: vec!["65001:1:2".to_owned()],
            link_bandwidth: 125_000_000,
            since_unix_ms: 1_000,
            ..Path::default()
        };
        let stale = Path {
            prefix: "2001:db8::10/128".to_owned(),
            path_id: 7,
            next_hop: "fd00:1::2".to_owned(),
            next_hop_link_local: "fe80::2".to_owned(),
            local_pref: Some(100),
            stale: true,
            ..Path::default()
        };
        let paths = [path, stale];
        insta::assert_snapshot!(human(&paths, 61_000));
        insta::assert_snapshot!(json(&view(&paths)).unwrap());
    }
}
