use guideway_bgp_admin::v1::{ListRoutesRequest, ListRoutesResponse};
use serde::Serialize;

use crate::cli::Cli;
use crate::dial::{Failure, speaker};
use crate::outcome::Outcome;
use crate::render::{self, Column, or_dash, table};

pub(crate) async fn run(cli: &Cli) -> Result<Outcome, Failure> {
    let list =
        speaker(cli, |mut client| async move { client.list_routes(ListRoutesRequest {}).await }).await?;
    render::output(cli, &view(&list), || human(&list)).map(Outcome::positive)
}

#[derive(Serialize)]
struct View<'a> {
    routes: Vec<Route<'a>>,
}

#[derive(Serialize)]
struct Route<'a> {
    prefix: &'a str,
    advertised_to: &'a [String],
}

fn view(list: &ListRoutesResponse) -> View<'_> {
    let routes =
        list.routes.iter().map(|route| Route { prefix: &route.prefix, advertised_to: &route.advertised_to });
    View { routes: routes.collect() }
}

fn human(list: &ListRoutesResponse) -> String {
    let columns = [Column::Text("PREFIX"), Column::Text("ADVERTISED TO")];
    let rows =
        list.routes.iter().map(|route| vec![route.prefix.clone(), or_dash(&route.advertised_to.join(", "))]);
    table(&columns, rows)
}

#[cfg(test)]
mod tests {
    use guideway_bgp_admin::v1::Route;

    use super::*;
    use crate::render::json;

    #[test]
    fn table_and_json() {
        let route = |prefix: &str, peers: &[&str]| Route {
            prefix: prefix.to_owned(),
            advertised_to: peers.iter().map(|peer| (*peer).to_owned()).collect(),
        };
        let list = ListRoutesResponse {
            routes: vec![route("203.0.113.10/32", &["10.1.1.1", "10.1.1.9"]), route("2001:db8::10/128", &[])],
        };
        insta::assert_snapshot!(human(&list), @r"
        PREFIX            ADVERTISED TO
        203.0.113.10/32   10.1.1.1, 10.1.1.9
        2001:db8::10/128  -
        ");
        insta::assert_snapshot!(json(&view(&list)).unwrap());
    }
}
