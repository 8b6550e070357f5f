use guideway_bgp_admin::v1::{ListRoutesRequest, ListRoutesResponse};
use serde::Serialize;

use crate::cli::Cli;
use crate::dial::{Failure, speaker};
use crate::outcome::Outcome;
use crate::render::{self, Column, non_empty, now_unix_ms, or_dash, since, table};

pub(crate) async fn run(cli: &Cli) -> Result<Outcome, Failure> {
    let list =
        speaker(cli, |mut client| async move { client.list_routes(ListRoutesRequest {}).await }).await?;
    render::output(cli, &view(&list), || human(&list, now_unix_ms())).map(Outcome::positive)
}

#[derive(Serialize)]
struct View<'a> {
    routes: Vec<Route<'a>>,
}

#[derive(Serialize)]
struct Route<'a> {
    prefix: &'a str,
    state: Option<&'a str>,
    since_unix_ms: Option<u64>,
    advertised_to: &'a [String],
}

fn view(list: &ListRoutesResponse) -> View<'_> {
    let routes = list.routes.iter().map(|route| Route {
        prefix: &route.prefix,
        state: non_empty(&route.state),
        since_unix_ms: (route.since_unix_ms > 0).then_some(route.since_unix_ms),
        advertised_to: &route.advertised_to,
    });
    View { routes: routes.collect() }
}

fn human(list: &ListRoutesResponse, now_unix_ms: u64) -> String {
    let columns =
        [Column::Text("PREFIX"), Column::Text("STATE"), Column::Text("SINCE"), Column::Text("ADVERTISED TO")];
    let rows = list.routes.iter().map(|route| {
        vec![
            route.prefix.clone(),
            or_dash(&route.state),
            since(route.since_unix_ms, now_unix_ms),
            or_dash(&route.advertised_to.join(", ")),
        ]
    });
    table(&columns, rows)
}

#[cfg(test)]
mod tests {
    use guideway_bgp_admin::v1::Route;

    use super::*;
    use crate::render::json;

    #[test]
    fn table_and_json() {
        let told = Route {
            prefix: "203.0.113.10/32".to_owned(),
            advertised_to: vec!["10.1.1.1".to_owned(), "fd00:1::1".to_owned()],
            state: "announced".to_owned(),
            since_unix_ms: 1_000,
        };
        let untold = Route {
            prefix: "203.0.113.11/32".to_owned(),
            advertised_to: vec![],
            state: "damped".to_owned(),
            since_unix_ms: 0,
        };
        let list = ListRoutesResponse { routes: vec![told, untold] };
        insta::assert_snapshot!(human(&list, 61_000));
        insta::assert_snapshot!(json(&view(&list)).unwrap());
    }
}
