use guideway_dataplane_admin::v1::{Controller, LastReload, StatusRequest, StatusResponse};
use serde::Serialize;

use crate::cli::Cli;
use crate::dial::{Failure, dataplane};
use crate::outcome::{Answer, Outcome};
use crate::render::{self, Column, labelled, non_empty, now_unix_ms, seconds, since, table, until, yes_no};

pub(crate) async fn run(cli: &Cli) -> Result<Outcome, Failure> {
    let status = dataplane(cli, |mut client| async move { client.status(StatusRequest {}).await }).await?;
    let view = view(&status);
    let text = render::output(cli, &view, || human(&status, now_unix_ms()))?;
    Ok(Outcome { text, answer: Answer::negative_if(!view.ok) })
}

#[derive(Serialize)]
struct View<'a> {
    ok: bool,
    problems: Vec<String>,
    version: &'a str,
    uptime_seconds: u64,
    config_path: &'a str,
    pin_root: &'a str,
    generation: Option<u64>,
    digest: Option<&'a str>,
    rolled_back_to: Option<u64>,
    controller: Option<Followed<'a>>,
    program_tag: Option<&'a str>,
    apply_error: Option<&'a str>,
    interfaces: Vec<Interface<'a>>,
    link_problems: &'a [String],
    last_reload: Option<Reload<'a>>,
    vips: Part,
    backends: Part,
    sets: Sets,
    limits: Vec<Limit<'a>>,
}

#[derive(Serialize)]
struct Followed<'a> {
    name: &'a str,
    leader: Option<&'a str>,
    problem: Option<&'a str>,
    term: u64,
    generation: Option<u64>,
    digest: Option<&'a str>,
    prepared: Option<u64>,
    fence: Option<&'a str>,
    faults: &'a [String],
}

#[derive(Serialize)]
struct Interface<'a> {
    name: &'a str,
    index: u32,
    mode: &'a str,
    attached: bool,
    reason: Option<&'a str>,
}

#[derive(Serialize)]
struct Reload<'a> {
    at_unix_ms: u64,
    accepted: bool,
    errors: &'a [String],
}

/// VIPs: configured and served. Backends: configured and healthy.
#[derive(Serialize)]
struct Part {
    configured: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    served: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthy: Option<u32>,
}

#[derive(Serialize)]
struct Sets {
    used: u32,
    unsettled: u32,
    settles_unix_ms: Option<u64>,
}

#[derive(Serialize)]
struct Limit<'a> {
    name: &'a str,
    used: u64,
    capacity: u64,
}

fn view(status: &StatusResponse) -> View<'_> {
    let problems = problems(status);
    View {
        ok: problems.is_empty(),
        problems,
        version: &status.version,
        uptime_seconds: status.uptime_seconds,
        config_path: &status.config_path,
        pin_root: &status.pin_root,
        generation: (status.generation > 0).then_some(status.generation),
        digest: non_empty(&status.digest),
        rolled_back_to: (status.rolled_back_to > 0).then_some(status.rolled_back_to),
        controller: status.controller.as_ref().map(|one| Followed {
            name: &one.name,
            leader: non_empty(&one.leader),
            problem: non_empty(&one.problem),
            term: one.term,
            generation: (one.generation > 0).then_some(one.generation),
            digest: non_empty(&one.digest),
            prepared: (one.prepared > 0).then_some(one.prepared),
            fence: non_empty(&one.fence),
            faults: &one.faults,
        }),
        program_tag: non_empty(&status.program_tag),
        apply_error: non_empty(&status.apply_error),
        interfaces: status
            .interfaces
            .iter()
            .map(|i| Interface {
                name: &i.name,
                index: i.index,
                mode: &i.mode,
                attached: i.attached,
                reason: non_empty(&i.reason),
            })
            .collect(),
        link_problems: &status.link_problems,
        last_reload: status.last_reload.as_ref().map(|reload| Reload {
            at_unix_ms: reload.at_unix_ms,
            accepted: reload.accepted,
            errors: &reload.errors,
        }),
        vips: Part { configured: status.vips, served: Some(status.vips_served), healthy: None },
        backends: Part { configured: status.backends, served: None, healthy: Some(status.backends_healthy) },
        sets: Sets {
            used: status.sets,
            unsettled: status.sets_unsettled,
            settles_unix_ms: (status.settles_unix_ms > 0).then_some(status.settles_unix_ms),
        },
        limits: status
            .limits
            .iter()
            .map(|limit| Limit { name: &limit.name, used: limit.used, capacity: limit.capacity })
            .collect(),
    }
}

/// What makes the answer negative.
fn problems(status: &StatusResponse) -> Vec<String> {
    let mut problems = Vec::new();
    if status.generation == 0 {
        problems.push("no generation is installed: every packet passes to the kernel".to_owned());
    }
    if status.interfaces.is_empty() {
        problems.push("the program is attached to no interface".to_owned());
    }
    for interface in status.interfaces.iter().filter(|interface| !interface.attached) {
        let reason = non_empty(&interface.reason).map(|reason| format!(": {reason}")).unwrap_or_default();
        problems.push(format!("the program is not attached to {}{reason}", interface.name));
    }
    problems.extend(status.link_problems.iter().map(|problem| format!("L2 mode: {problem}")));
    if let Some(error) = non_empty(&status.apply_error) {
        problems.push(format!("what is desired is not installed, the agent tries again: {error}"));
    }
    if status.last_reload.as_ref().is_some_and(|reload| !reload.accepted) {
        problems
            .push("the last reload was refused: the configuration before it is still in force".to_owned());
    }
    if let Some(controller) = &status.controller {
        if let Some(fence) = non_empty(&controller.fence) {
            problems.push(format!("no VIP is announced: {fence}"));
        }
        if let Some(problem) = non_empty(&controller.problem) {
            problems.push(format!("no controller is followed: {problem}"));
        }
        problems.extend(controller.faults.iter().cloned());
    }
    problems
}

fn human(status: &StatusResponse, now_unix_ms: u64) -> String {
    let generation = match status.generation {
        0 => "none".to_owned(),
        generation => format!("{generation}, digest {}", status.digest),
    };
    let mut text = labelled([
        ("agent", format!("lb-dataplane {}, up {}", status.version, seconds(status.uptime_seconds))),
        ("configuration", status.config_path.clone()),
        ("pins", status.pin_root.clone()),
        ("program", non_empty(&status.program_tag).map(|tag| format!("tag {tag}")).unwrap_or_default()),
        ("generation", generation),
        ("rolled back", rolled_back(status.rolled_back_to)),
        ("controller", status.controller.as_ref().map(followed).unwrap_or_default()),
        ("VIPs", format!("{} of {} served", status.vips_served, status.vips)),
        ("backends", format!("{} of {} healthy", status.backends_healthy, status.backends)),
        ("backend sets", settled(status, now_unix_ms)),
        ("last reload", status.last_reload.as_ref().map(|r| last_reload(r, now_unix_ms)).unwrap_or_default()),
    ]);
    if !status.interfaces.is_empty() {
        let columns = [
            Column::Text("INTERFACE"),
            Column::Number("INDEX"),
            Column::Text("MODE"),
            Column::Text("ATTACHED"),
        ];
        let rows = status
            .interfaces
            .iter()
            .map(|i| vec![i.name.clone(), i.index.to_string(), i.mode.clone(), yes_no(i.attached)]);
        text.push('\n');
        text.push_str(&table(&columns, rows));
    }
    if !status.limits.is_empty() {
        let columns = [Column::Text("LIMIT"), Column::Number("USED"), Column::Number("CAPACITY")];
        let rows =
            status.limits.iter().map(|l| vec![l.name.clone(), l.used.to_string(), l.capacity.to_string()]);
        text.push('\n');
        text.push_str(&table(&columns, rows));
    }
    let problems = problems(status);
    if !problems.is_empty() {
        text.push('\n');
        text.push_str(&labelled(problems.into_iter().map(|problem| ("PROBLEM", problem))));
        if let Some(reload) = &status.last_reload {
            text.push_str(&labelled(reload.errors.iter().map(|error| (" ", error.clone()))));
        }
    }
    text
}

fn rolled_back(to: u64) -> String {
    match to {
        0 => String::new(),
        to => format!(
            "to the configuration of generation {to}; the file says something else, which the next reload reads"
        ),
    }
}

/// Whom this forwarder follows, and how far it is.
fn followed(controller: &Controller) -> String {
    let leader = non_empty(&controller.leader).unwrap_or("not connected");
    let generation = match controller.generation {
        0 => "no generation yet".to_owned(),
        generation => format!("generation {generation}, digest {}", controller.digest),
    };
    let prepared = match controller.prepared {
        0 => String::new(),
        prepared => format!(", {prepared} prepared"),
    };
    format!("{leader}, term {}; {generation}{prepared}; as {}", controller.term, controller.name)
}

/// How many sets have settled, and when the rest will have.
fn settled(status: &StatusResponse, now_unix_ms: u64) -> String {
    let settled = status.sets.saturating_sub(status.sets_unsettled);
    let rest = match until(status.settles_unix_ms, now_unix_ms) {
        Some(rest) if status.sets_unsettled > 0 => format!(", all in {rest}"),
        _ => String::new(),
    };
    format!("{settled} of {} settled{rest}", status.sets)
}

fn last_reload(reload: &LastReload, now_unix_ms: u64) -> String {
    let verdict = if reload.accepted { "accepted" } else { "refused" };
    format!("{verdict} {} ago", since(reload.at_unix_ms, now_unix_ms))
}

#[cfg(test)]
mod tests {
    use guideway_dataplane_admin::v1::{Interface, Limit};

    use super::*;
    use crate::render::json;

    fn good() -> StatusResponse {
        StatusResponse {
            version: "0.1.0".to_owned(),
            uptime_seconds: 3_725,
            config_path: "/etc/guideway/lb-dataplane.yaml".to_owned(),
            pin_root: "/sys/fs/bpf/guideway".to_owned(),
            generation: 12,
            digest: "00ff".to_owned(),
            program_tag: "0123456789abcdef".to_owned(),
            interfaces: vec![Interface {
                name: "up0".to_owned(),
                index: 2,
                mode: "native".to_owned(),
                attached: true,
                reason: String::new(),
            }],
            last_reload: Some(LastReload { at_unix_ms: 10_000, accepted: true, errors: vec![] }),
            vips: 3,
            vips_served: 2,
            backends: 6,
            backends_healthy: 5,
            limits: vec![Limit { name: "vips".to_owned(), used: 3, capacity: 4096 }],
            apply_error: String::new(),
            sets: 2,
            sets_unsettled: 0,
            settles_unix_ms: 0,
            rolled_back_to: 0,
            controller: None,
            link_problems: vec![],
        }
    }

    fn bad() -> StatusResponse {
        let mut status = good();
        status.generation = 0;
        status.sets_unsettled = 1;
        status.settles_unix_ms = 322_000;
        status.interfaces[0].attached = false;
        status.interfaces[0].reason = "there is no such interface".to_owned();
        status.apply_error = "bpf(BPF_MAP_UPDATE_ELEM): ENOSPC".to_owned();
        status.link_problems = vec!["up0: the interface is down or has no carrier".to_owned()];
        status.last_reload = Some(LastReload {
            at_unix_ms: 10_000,
            accepted: false,
            errors: vec!["lb.yaml:1:7: seed: wrong".to_owned(), "lb.yaml:2:1: vip: unknown field".to_owned()],
        });
        status
    }

    #[test]
    fn in_order() {
        assert!(view(&good()).ok);
        insta::assert_snapshot!(human(&good(), 22_000));
        insta::assert_snapshot!(json(&view(&good())).unwrap());
    }

    #[test]
    fn out_of_order() {
        assert!(!view(&bad()).ok);
        insta::assert_snapshot!(human(&bad(), 22_000));
        insta::assert_snapshot!(json(&view(&bad())).unwrap());
    }

    #[test]
    fn rolled_back_is_in_order_and_told() {
        let status = StatusResponse { rolled_back_to: 9, ..good() };
        assert!(view(&status).ok);
        insta::assert_snapshot!(human(&status, 22_000));
    }

    #[test]
    fn a_controller_is_told_of() {
        let followed = Controller {
            name: "fw-1".to_owned(),
            leader: "lb-controller-0:9443".to_owned(),
            term: 4,
            generation: 17,
            digest: "00ff00ff00ff00ff".to_owned(),
            prepared: 18,
            ..Controller::default()
        };
        let status = StatusResponse { controller: Some(followed.clone()), ..good() };
        assert!(view(&status).ok);
        insta::assert_snapshot!(human(&status, 22_000));
        let fenced = Controller {
            leader: String::new(),
            problem: "lb-controller-0:9443: no answer in 2s".to_owned(),
            fence: "generation 18 is committed, and is not here".to_owned(),
            faults: vec!["state: cannot write /var/lib/guideway/dataplane/controller/log".to_owned()],
            ..followed
        };
        let status = StatusResponse { controller: Some(fenced), ..good() };
        assert!(!view(&status).ok);
        insta::assert_snapshot!(human(&status, 22_000));
        insta::assert_snapshot!(json(&view(&status)).unwrap());
    }

    #[test]
    fn an_agent_that_has_just_started() {
        insta::assert_snapshot!(human(&StatusResponse::default(), 22_000));
    }
}
