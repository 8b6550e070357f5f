use guideway_controller_admin::v1::{ListServicesRequest, ListServicesResponse};
use serde::Serialize;

use crate::cli::Cli;
use crate::dial::{Failure, controller};
use crate::outcome::Outcome;
use crate::render::{self, Column, non_empty, now_unix_ms, or_dash, since, table};

pub(crate) async fn run(cli: &Cli) -> Result<Outcome, Failure> {
    let request = ListServicesRequest {};
    let list = controller(cli, |mut client| async move { client.list_services(request).await }).await?;
    render::output(cli, &view(&list), || human(&list, now_unix_ms())).map(Outcome::positive)
}

#[derive(Serialize)]
struct View<'a> {
    services: Vec<Service<'a>>,
    clusters: Vec<Cluster<'a>>,
    problems: Vec<Problem<'a>>,
}

#[derive(Serialize)]
struct Service<'a> {
    cluster: &'a str,
    namespace: &'a str,
    name: &'a str,
    endpoints: &'a str,
    addresses: &'a [String],
    pool: Option<&'a str>,
    shard: Option<&'a str>,
    vips: u32,
    vips_announced: u32,
    backends: u32,
    problems: &'a [String],
    link_addresses: Vec<LinkAddress<'a>>,
}

#[derive(Serialize)]
struct LinkAddress<'a> {
    address: &'a str,
    owner: Option<&'a str>,
}

#[derive(Serialize)]
struct Cluster<'a> {
    name: &'a str,
    reachable: bool,
    synced: bool,
    last_contact_unix_ms: Option<u64>,
    version: Option<&'a str>,
    error: Option<&'a str>,
    services: u32,
}

#[derive(Serialize)]
struct Problem<'a> {
    kind: &'a str,
    name: &'a str,
    problem: &'a str,
}

fn view(list: &ListServicesResponse) -> View<'_> {
    let services = list.services.iter().map(|service| Service {
        cluster: &service.cluster,
        namespace: &service.namespace,
        name: &service.name,
        endpoints: &service.endpoints,
        addresses: &service.addresses,
        pool: non_empty(&service.pool),
        shard: non_empty(&service.shard),
        vips: service.vips,
        vips_announced: service.vips_announced,
        backends: service.backends,
        problems: &service.problems,
        link_addresses: service
            .link_addresses
            .iter()
            .map(|link| LinkAddress { address: &link.address, owner: non_empty(&link.owner) })
            .collect(),
    });
    let clusters = list.clusters.iter().map(|cluster| Cluster {
        name: &cluster.name,
        reachable: cluster.reachable,
        synced: cluster.synced,
        last_contact_unix_ms: (cluster.last_contact_unix_ms > 0).then_some(cluster.last_contact_unix_ms),
        version: non_empty(&cluster.version),
        error: non_empty(&cluster.error),
        services: cluster.services,
    });
    let problems = list.problems.iter().map(|problem| Problem {
        kind: &problem.kind,
        name: &problem.name,
        problem: &problem.problem,
    });
    View { services: services.collect(), clusters: clusters.collect(), problems: problems.collect() }
}

fn human(list: &ListServicesResponse, now_unix_ms: u64) -> String {
    let columns = [
        Column::Text("CLUSTER"),
        Column::Text("SERVICE"),
        Column::Text("ADDRESSES"),
        Column::Text("POOL"),
        Column::Text("SHARD"),
        Column::Text("ON LINK BY"),
        Column::Text("ENDPOINTS"),
        Column::Number("BACKENDS"),
        Column::Number("ANNOUNCED"),
    ];
    let rows = list.services.iter().map(|service| {
        vec![
            service.cluster.clone(),
            format!("{}/{}", service.namespace, service.name),
            or_dash(&service.addresses.join(", ")),
            or_dash(&service.pool),
            or_dash(&service.shard),
            on_link_by(service),
            service.endpoints.clone(),
            service.backends.to_string(),
            format!("{}/{}", service.vips_announced, service.vips),
        ]
    });
    let mut text = table(&columns, rows);
    let of_services = list.services.iter().flat_map(|service| {
        let name = format!("Service {}/{}/{}", service.cluster, service.namespace, service.name);
        let unowned = service.link_addresses.iter().filter(|link| link.owner.is_empty()).map(|link| {
            format!("no forwarder of its shard that is connected can answer for {} on its link", link.address)
        });
        service.problems.iter().cloned().chain(unowned).map(move |problem| format!("{name}: {problem}"))
    });
    let of_resources =
        list.problems.iter().map(|problem| format!("{} {}: {}", problem.kind, problem.name, problem.problem));
    let of_clusters = list.clusters.iter().filter(|cluster| !is_in_order(cluster)).map(|cluster| {
        let state = match (cluster.synced, cluster.last_contact_unix_ms) {
            (true, _) if cluster.reachable => "is served, with what is known of it".to_owned(),
            (true, at) => format!("stale since {}, its last state is served", since(at, now_unix_ms)),
            (false, 0) => "was never reached".to_owned(),
            (false, _) => "has not told everything yet".to_owned(),
        };
        let error = non_empty(&cluster.error).map(|error| format!(": {error}")).unwrap_or_default();
        format!("Cluster {}: {state}{error}", cluster.name)
    });
    let lines: Vec<String> = of_clusters.chain(of_services).chain(of_resources).collect();
    if !lines.is_empty() {
        text.push('\n');
        text.push_str(&render::labelled(lines.into_iter().map(|line| ("problem", line))));
    }
    text
}

/// The owners of its addresses on links, each once.
fn on_link_by(service: &guideway_controller_admin::v1::Service) -> String {
    let mut owners: Vec<&str> = service.link_addresses.iter().map(|link| link.owner.as_str()).collect();
    owners.iter_mut().filter(|owner| owner.is_empty()).for_each(|owner| *owner = "nobody");
    owners.sort_unstable();
    owners.dedup();
    or_dash(&owners.join(", "))
}

fn is_in_order(cluster: &guideway_controller_admin::v1::Cluster) -> bool {
    cluster.reachable && cluster.synced && cluster.error.is_empty()
}

#[cfg(test)]
mod tests {
    use guideway_controller_admin::v1;

    use super::*;
    use crate::render::json;

    #[test]
    fn table_and_json() {
        let good = v1::Service {
            cluster: "east".to_owned(),
            namespace: "web".to_owned(),
            name: "shop".to_owned(),
            endpoints: "Pod".to_owned(),
            addresses: vec!["192.0.2.1".to_owned(), "2001:db8::1".to_owned()],
            pool: "public".to_owned(),
            shard: "tenants/east/web".to_owned(),
            vips: 4,
            vips_announced: 3,
            backends: 10,
            problems: vec![],
            link_addresses: [("192.0.2.1", "fw2"), ("2001:db8::1", "")]
                .map(|(address, owner)| v1::LinkAddress {
                    address: address.to_owned(),
                    owner: owner.to_owned(),
                })
                .into(),
        };
        let waiting = v1::Service {
            name: "new".to_owned(),
            endpoints: "Node".to_owned(),
            problems: vec!["no address is free in the pool small".to_owned()],
            ..v1::Service {
                cluster: "west".to_owned(),
                namespace: "web".to_owned(),
                ..v1::Service::default()
            }
        };
        let live = v1::Cluster {
            name: "east".to_owned(),
            reachable: true,
            synced: true,
            last_contact_unix_ms: 60_000,
            version: "v1.33.1".to_owned(),
            error: String::new(),
            services: 1,
        };
        let stale = v1::Cluster {
            name: "west".to_owned(),
            reachable: false,
            error: "connection refused".to_owned(),
            ..live.clone()
        };
        let problem = v1::Problem {
            kind: "BGPPeer".to_owned(),
            name: "tor1".to_owned(),
            problem: "there is no BFDProfile fast".to_owned(),
        };
        let list = ListServicesResponse {
            services: vec![good, waiting],
            clusters: vec![live, stale],
            problems: vec![problem],
        };
        insta::assert_snapshot!(human(&list, 66_000));
        insta::assert_snapshot!(json(&view(&list)).unwrap());
    }
}
