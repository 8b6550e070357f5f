use guideway_controller_admin::v1::{ListShardsRequest, ListShardsResponse};
use serde::Serialize;

use crate::cli::Cli;
use crate::dial::{Failure, controller};
use crate::outcome::Outcome;
use crate::render::{self, Column, non_empty, or_dash, table};

pub(crate) async fn run(cli: &Cli) -> Result<Outcome, Failure> {
    let request = ListShardsRequest {};
    let list = controller(cli, |mut client| async move { client.list_shards(request).await }).await?;
    render::output(cli, &view(&list), || human(&list)).map(Outcome::positive)
}

#[derive(Serialize)]
struct View<'a> {
    shards: Vec<Shard<'a>>,
}

#[derive(Serialize)]
struct Shard<'a> {
    name: &'a str,
    zone: Option<&'a str>,
    members: &'a [String],
    members_current: u32,
    leaving: &'a [String],
    vips: u32,
}

fn view(list: &ListShardsResponse) -> View<'_> {
    let shards = list.shards.iter().map(|shard| Shard {
        name: &shard.name,
        zone: non_empty(&shard.zone),
        members: &shard.members,
        members_current: shard.members_current,
        leaving: &shard.leaving,
        vips: shard.vips,
    });
    View { shards: shards.collect() }
}

fn human(list: &ListShardsResponse) -> String {
    let columns = [
        Column::Text("SHARD"),
        Column::Text("ZONE"),
        Column::Number("VIPS"),
        Column::Number("CURRENT"),
        Column::Text("MEMBERS"),
        Column::Text("LEAVING"),
    ];
    let rows = list.shards.iter().map(|shard| {
        vec![
            shard.name.clone(),
            or_dash(&shard.zone),
            shard.vips.to_string(),
            format!("{}/{}", shard.members_current, shard.members.len()),
            or_dash(&shard.members.join(", ")),
            or_dash(&shard.leaving.join(", ")),
        ]
    });
    table(&columns, rows)
}

#[cfg(test)]
mod tests {
    use guideway_controller_admin::v1;

    use super::*;
    use crate::render::json;

    #[test]
    fn table_and_json() {
        let shard = v1::Shard {
            name: "tenants/east/web".to_owned(),
            zone: "a".to_owned(),
            members: vec!["fw1".to_owned(), "fw2".to_owned()],
            leaving: vec!["fw3".to_owned()],
            vips: 12,
            members_current: 1,
        };
        let empty = v1::Shard { name: "empty".to_owned(), ..v1::Shard::default() };
        let list = ListShardsResponse { shards: vec![shard, empty] };
        insta::assert_snapshot!(human(&list));
        insta::assert_snapshot!(json(&view(&list)).unwrap());
    }
}
