use guideway_controller_admin::v1::{ListPoolsRequest, ListPoolsResponse, Pool as Wire};
use serde::Serialize;

use crate::cli::Cli;
use crate::dial::{Failure, controller};
use crate::outcome::Outcome;
use crate::render::{self, Column, or_dash, table};

pub(crate) async fn run(cli: &Cli) -> Result<Outcome, Failure> {
    let request = ListPoolsRequest {};
    let list = controller(cli, |mut client| async move { client.list_pools(request).await }).await?;
    render::output(cli, &view(&list), || human(&list)).map(Outcome::positive)
}

#[derive(Serialize)]
struct View<'a> {
    pools: Vec<Pool<'a>>,
}

#[derive(Serialize)]
struct Pool<'a> {
    name: &'a str,
    family: &'a str,
    prefixes: &'a [String],
    capacity: u64,
    assigned: u64,
    leaving: u64,
    free: u64,
}

fn free(pool: &Wire) -> u64 {
    pool.capacity.saturating_sub(pool.assigned).saturating_sub(pool.leaving)
}

const fn family(pool: &Wire) -> &'static str {
    if pool.family == 6 { "ipv6" } else { "ipv4" }
}

fn view(list: &ListPoolsResponse) -> View<'_> {
    let pools = list.pools.iter().map(|pool| Pool {
        name: &pool.name,
        family: family(pool),
        prefixes: &pool.prefixes,
        capacity: pool.capacity,
        assigned: pool.assigned,
        leaving: pool.leaving,
        free: free(pool),
    });
    View { pools: pools.collect() }
}

/// Prefixes that a table shows; a range of addresses may be many.
const SHOWN: usize = 3;

fn human(list: &ListPoolsResponse) -> String {
    let columns = [
        Column::Text("POOL"),
        Column::Text("FAMILY"),
        Column::Number("ASSIGNED"),
        Column::Number("LEAVING"),
        Column::Number("FREE"),
        Column::Text("PREFIXES"),
    ];
    let rows = list.pools.iter().map(|pool| {
        let mut prefixes = pool.prefixes.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        if pool.prefixes.len() > SHOWN {
            prefixes.push_str(&format!(" and {} more", pool.prefixes.len() - SHOWN));
        }
        let free = if pool.capacity == u64::MAX { "-".to_owned() } else { free(pool).to_string() };
        vec![
            pool.name.clone(),
            family(pool).to_owned(),
            pool.assigned.to_string(),
            pool.leaving.to_string(),
            free,
            or_dash(&prefixes),
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
        let v4 = Wire {
            name: "public".to_owned(),
            family: 4,
            prefixes: ["192.0.2.0/26", "192.0.2.64/30", "192.0.2.68/31", "192.0.2.70/32"]
                .map(str::to_owned)
                .to_vec(),
            capacity: 71,
            assigned: 60,
            leaving: 1,
        };
        let v6 =
            Wire { family: 6, prefixes: vec!["2001:db8::/64".to_owned()], capacity: u64::MAX, ..v4.clone() };
        let list = ListPoolsResponse { pools: vec![v4, v6] };
        insta::assert_snapshot!(human(&list));
        insta::assert_snapshot!(json(&view(&list)).unwrap());
    }
}
