use guideway_dataplane_admin::v1::{self, RoutesRequest, RoutesResponse};
use serde::Serialize;

use crate::cli::Cli;
use crate::dial::{Failure, dataplane};
use crate::outcome::Outcome;
use crate::render::{self, Column, non_empty, or_dash, table};

pub(crate) async fn run(cli: &Cli) -> Result<Outcome, Failure> {
    let list = dataplane(cli, |mut client| async move { client.routes(RoutesRequest {}).await }).await?;
    render::output(cli, &view(&list), || human(&list)).map(Outcome::positive)
}

#[derive(Serialize)]
struct View<'a> {
    routes: Vec<Route<'a>>,
}

#[derive(Serialize)]
struct Route<'a> {
    backend: &'a str,
    address: &'a str,
    source: &'a str,
    problem: Option<&'a str>,
    legs: Vec<Leg<'a>>,
}

#[derive(Serialize)]
struct Leg<'a> {
    interface: &'a str,
    neighbour: &'a str,
    mtu: u32,
    weight: u32,
}

fn view(list: &RoutesResponse) -> View<'_> {
    let routes = list.routes.iter().map(|route| Route {
        backend: &route.backend,
        address: &route.address,
        source: &route.source,
        problem: non_empty(&route.problem),
        legs: route.legs.iter().map(Leg::from).collect(),
    });
    View { routes: routes.collect() }
}

impl<'a> From<&'a v1::Leg> for Leg<'a> {
    fn from(leg: &'a v1::Leg) -> Self {
        let v1::Leg { interface, neighbour, mtu, weight } = leg;
        Self { interface, neighbour, mtu: *mtu, weight: *weight }
    }
}

/// A line for each leg, and one for a backend without.
fn human(list: &RoutesResponse) -> String {
    let columns = [
        Column::Text("BACKEND"),
        Column::Text("ADDRESS"),
        Column::Text("SOURCE"),
        Column::Text("INTERFACE"),
        Column::Text("NEIGHBOUR"),
        Column::Number("MTU"),
        Column::Number("SHARE"),
        Column::Text("PROBLEM"),
    ];
    let rows = list.routes.iter().flat_map(|route| {
        let row = move |leg: [String; 4]| -> Vec<String> {
            let route_cells = [route.backend.clone(), route.address.clone(), route.source.clone()];
            route_cells.into_iter().chain(leg).chain([or_dash(&route.problem)]).collect()
        };
        let none = route.legs.is_empty().then(|| row(std::array::from_fn(|_| "-".to_owned())));
        let legs = route.legs.iter().map(move |leg| {
            row([
                leg.interface.clone(),
                leg.neighbour.clone(),
                leg.mtu.to_string(),
                format!("{}/8", leg.weight),
            ])
        });
        none.into_iter().chain(legs)
    });
    table(&columns, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::json;

    #[test]
    fn table_and_json() {
        let leg = |interface: &str, neighbour: &str, weight| v1::Leg {
            interface: interface.to_owned(),
            neighbour: neighbour.to_owned(),
            mtu: 1500,
            weight,
        };
        let known = v1::Route {
            backend: "be1".to_owned(),
            address: "10.1.11.2".to_owned(),
            legs: vec![leg("up0", "02:00:00:00:00:01", 6), leg("up1", "02:00:00:00:00:02", 2)],
            source: "agent".to_owned(),
            problem: String::new(),
        };
        let unknown = v1::Route {
            backend: "be2".to_owned(),
            address: "fd00:12::2".to_owned(),
            legs: vec![],
            source: "kernel".to_owned(),
            problem: "no neighbour fe80::1 on up1 yet".to_owned(),
        };
        let list = RoutesResponse { routes: vec![known, unknown] };
        insta::assert_snapshot!(human(&list));
        insta::assert_snapshot!(json(&view(&list)).unwrap());
    }
}
