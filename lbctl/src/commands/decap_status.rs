use guideway_dataplane_admin::decap::v1::{self, StatusRequest, StatusResponse};
use serde::Serialize;

use crate::cli::Cli;
use crate::dial::{Failure, decap};
use crate::outcome::{Answer, Outcome};
use crate::render::{self, Column, labelled, non_empty, or_dash, seconds, table, yes_no};

pub(crate) async fn run(cli: &Cli) -> Result<Outcome, Failure> {
    let status = decap(cli, |mut client| async move { client.status(StatusRequest {}).await }).await?;
    let view = view(&status);
    let text = render::output(cli, &view, || human(&status))?;
    Ok(Outcome { text, answer: Answer::negative_if(!view.ok) })
}

#[derive(Serialize)]
struct View<'a> {
    ok: bool,
    problems: Vec<String>,
    version: &'a str,
    uptime_seconds: u64,
    config_path: Option<&'a str>,
    pin_root: &'a str,
    gue_port: u32,
    flows: u64,
    half_open_flows: u64,
    interfaces: Vec<Interface<'a>>,
    services: Vec<Service<'a>>,
    counters: Vec<Counter<'a>>,
}

#[derive(Serialize)]
struct Interface<'a> {
    name: &'a str,
    index: u32,
    mode: Option<&'a str>,
    egress: bool,
    reason: Option<&'a str>,
}

#[derive(Serialize)]
struct Service<'a> {
    vip: &'a str,
    port: Option<u32>,
    protocol: &'a str,
    outer: Option<&'a str>,
    kind: &'a str,
    target: Option<&'a str>,
}

#[derive(Serialize)]
struct Counter<'a> {
    name: &'a str,
    description: &'a str,
    packets: u64,
}

fn view(status: &StatusResponse) -> View<'_> {
    let problems = problems(status);
    View {
        ok: problems.is_empty(),
        problems,
        version: &status.version,
        uptime_seconds: status.uptime_seconds,
        config_path: non_empty(&status.config_path),
        pin_root: &status.pin_root,
        gue_port: status.gue_port,
        flows: status.flows,
        half_open_flows: status.half_open_flows,
        interfaces: status.interfaces.iter().map(Interface::from).collect(),
        services: status.services.iter().map(Service::from).collect(),
        counters: status.counters.iter().map(Counter::from).collect(),
    }
}

impl<'a> From<&'a v1::Interface> for Interface<'a> {
    fn from(interface: &'a v1::Interface) -> Self {
        let v1::Interface { name, index, mode, egress, reason } = interface;
        let (index, egress) = (*index, *egress);
        Self { name, index, mode: non_empty(mode), egress, reason: non_empty(reason) }
    }
}

impl<'a> From<&'a v1::Service> for Service<'a> {
    fn from(service: &'a v1::Service) -> Self {
        let v1::Service { vip, port, protocol, outer, target, kind } = service;
        let port = (*port > 0).then_some(*port);
        Self { vip, port, protocol, outer: non_empty(outer), kind, target: non_empty(target) }
    }
}

impl<'a> From<&'a v1::Counter> for Counter<'a> {
    fn from(counter: &'a v1::Counter) -> Self {
        let v1::Counter { name, description, packets } = counter;
        Self { name, description, packets: *packets }
    }
}

/// What makes the answer negative.
fn problems(status: &StatusResponse) -> Vec<String> {
    let mut problems = Vec::new();
    if status.interfaces.is_empty() {
        problems.push("the program is attached to no interface".to_owned());
    }
    for interface in status.interfaces.iter().filter(|i| i.mode.is_empty() || !i.egress) {
        let what = if interface.mode.is_empty() { "" } else { " for replies" };
        let reason = non_empty(&interface.reason).map(|reason| format!(": {reason}")).unwrap_or_default();
        problems.push(format!("the program{what} is not attached to {}{reason}", interface.name));
    }
    problems.extend(status.problems.iter().cloned());
    problems
}

fn human(status: &StatusResponse) -> String {
    let mut text = labelled([
        ("agent", format!("lb-decap {}, up {}", status.version, seconds(status.uptime_seconds))),
        ("configuration", status.config_path.clone()),
        ("pins", status.pin_root.clone()),
        ("GUE port", status.gue_port.to_string()),
        ("translated flows", format!("{}, and {} half-open", status.flows, status.half_open_flows)),
    ]);
    let mut section = |columns: &[Column], rows: Vec<Vec<String>>| {
        if !rows.is_empty() {
            text.push('\n');
            text.push_str(&table(columns, rows));
        }
    };
    section(
        &[Column::Text("INTERFACE"), Column::Number("INDEX"), Column::Text("MODE"), Column::Text("REPLIES")],
        status
            .interfaces
            .iter()
            .map(|i| vec![i.name.clone(), i.index.to_string(), or_dash(&i.mode), yes_no(i.egress)])
            .collect(),
    );
    section(
        &[
            Column::Text("VIP"),
            Column::Number("PORT"),
            Column::Text("PROTO"),
            Column::Text("BACKEND"),
            Column::Text("DELIVERED"),
        ],
        status.services.iter().map(service).collect(),
    );
    section(
        &[Column::Text("COUNTER"), Column::Number("PACKETS"), Column::Text("MEANING")],
        status
            .counters
            .iter()
            .map(|c| vec![c.name.clone(), c.packets.to_string(), c.description.clone()])
            .collect(),
    );
    let problems = problems(status);
    if !problems.is_empty() {
        text.push('\n');
        text.push_str(&labelled(problems.into_iter().map(|problem| ("PROBLEM", problem))));
    }
    text
}

fn service(service: &v1::Service) -> Vec<String> {
    let port = if service.port == 0 { "any".to_owned() } else { service.port.to_string() };
    let outer = non_empty(&service.outer).unwrap_or("any").to_owned();
    let delivered = match service.kind.as_str() {
        "as_is" => "as it is".to_owned(),
        "translate" => format!("to {}", service.target),
        "drain" => format!("to {}, what it has", service.target),
        "refuse" => "not".to_owned(),
        other => other.to_owned(),
    };
    vec![service.vip.clone(), port, service.protocol.clone(), outer, delivered]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::json;

    fn good() -> StatusResponse {
        let text = str::to_owned;
        let translated = v1::Service {
            vip: text("203.0.113.10"),
            port: 80,
            protocol: text("tcp"),
            outer: text("10.1.11.2"),
            target: text("10.244.1.7:8080"),
            kind: text("translate"),
        };
        let refused = v1::Service {
            port: 0,
            protocol: text("any"),
            outer: String::new(),
            target: String::new(),
            kind: text("refuse"),
            ..translated.clone()
        };
        let as_is = v1::Service { vip: text("2001:db8::10"), kind: text("as_is"), ..refused.clone() };
        let counter = |name: &str, description: &str, packets| v1::Counter {
            name: text(name),
            description: text(description),
            packets,
        };
        StatusResponse {
            version: text("0.1.0"),
            uptime_seconds: 3_725,
            config_path: text("/etc/guideway/lb-decap.yaml"),
            pin_root: text("/sys/fs/bpf/guideway-decap"),
            gue_port: 6080,
            interfaces: vec![v1::Interface {
                name: text("eth0"),
                index: 2,
                mode: text("native"),
                egress: true,
                reason: String::new(),
            }],
            services: vec![translated, refused, as_is],
            counters: vec![
                counter("gue", "GUE taken off and delivered", 1_234),
                counter("drop_malformed", "A tunnel of ours with lengths that contradict each other", 0),
            ],
            flows: 17,
            half_open_flows: 2,
            problems: vec![],
        }
    }

    #[test]
    fn in_order() {
        assert!(view(&good()).ok);
        insta::assert_snapshot!(human(&good()));
        insta::assert_snapshot!(json(&view(&good())).unwrap());
    }

    #[test]
    fn out_of_order() {
        let mut status = good();
        status.counters.clear();
        status.services.clear();
        status.interfaces[0].egress = false;
        status.interfaces.push(v1::Interface {
            name: "eth1".to_owned(),
            reason: "there is no such interface".to_owned(),
            ..v1::Interface::default()
        });
        status.problems.push("eth0 answers ARP for 203.0.113.10".to_owned());
        insta::assert_snapshot!(human(&status));
        insta::assert_snapshot!(json(&view(&status)).unwrap());
    }

    #[test]
    fn an_agent_that_has_just_started() {
        insta::assert_snapshot!(human(&StatusResponse::default()));
    }
}
