//! `lbctl diff`: what would change, and what that disturbs.

use guideway_controller_admin::v1::{self, DiffRequest, DiffResponse};
use serde::Serialize;

use super::generations::{Stamp, short, stamp, stamp_text};
use crate::cli::Cli;
use crate::dial::{Failure, controller};
use crate::outcome::Outcome;
use crate::render::{self, Column, labelled, table};

pub(crate) async fn run(cli: &Cli, generation: Option<u64>) -> Result<Outcome, Failure> {
    let answer = ask(cli, generation.unwrap_or(0)).await?;
    render::output(cli, &view(&answer), || human(&answer)).map(Outcome::positive)
}

/// What the next generation would change, or going back to an earlier one.
pub(super) async fn ask(cli: &Cli, generation: u64) -> Result<DiffResponse, Failure> {
    controller(cli, |mut client| async move { client.diff(DiffRequest { generation }).await }).await
}

#[derive(Serialize)]
pub(super) struct View<'a> {
    from: Option<Stamp<'a>>,
    to: Option<Stamp<'a>>,
    digest: &'a str,
    held: bool,
    changes: Vec<Change<'a>>,
    changes_left_out: u64,
    disruption: Option<Disruption<'a>>,
    flows_at_risk: u64,
}

#[derive(Serialize)]
struct Change<'a> {
    what: &'a str,
    name: &'a str,
    how: &'a str,
    detail: &'a str,
}

#[derive(Serialize)]
pub(super) struct Disruption<'a> {
    sets: Vec<Set<'a>>,
    vips_moved: Vec<Moved<'a>>,
    vips_removed: &'a [String],
}

#[derive(Serialize)]
struct Set<'a> {
    set: &'a str,
    slots: u32,
    moved_live: u32,
    moved_dead: u32,
    exact: bool,
}

#[derive(Serialize)]
struct Moved<'a> {
    vip: &'a str,
    from: &'a str,
    to: &'a str,
    slots: u32,
    moved_live: u32,
    moved_dead: u32,
}

pub(super) fn disruption(disruption: &v1::Disruption) -> Disruption<'_> {
    let sets = disruption.sets.iter().map(|set| Set {
        set: &set.set,
        slots: set.slots,
        moved_live: set.moved_live,
        moved_dead: set.moved_dead,
        exact: set.exact,
    });
    let moved = disruption.vips_moved.iter().map(|vip| Moved {
        vip: &vip.vip,
        from: &vip.from,
        to: &vip.to,
        slots: vip.slots,
        moved_live: vip.moved_live,
        moved_dead: vip.moved_dead,
    });
    Disruption { sets: sets.collect(), vips_moved: moved.collect(), vips_removed: &disruption.vips_removed }
}

pub(super) fn view(answer: &DiffResponse) -> View<'_> {
    let changes = answer.changes.iter().map(|change| Change {
        what: &change.what,
        name: &change.name,
        how: &change.how,
        detail: &change.detail,
    });
    View {
        from: answer.from.as_ref().map(stamp),
        to: answer.to.as_ref().map(stamp),
        digest: &answer.digest,
        held: answer.held,
        changes: changes.collect(),
        changes_left_out: answer.changes_left_out,
        disruption: answer.disruption.as_ref().map(disruption),
        flows_at_risk: answer.flows_at_risk,
    }
}

pub(super) fn human(answer: &DiffResponse) -> String {
    if answer.changes.is_empty() {
        return "nothing would change\n".to_owned();
    }
    let from = answer.from.as_ref().map_or_else(|| "nothing".to_owned(), |from| stamp_text(Some(from)));
    let to = answer.to.as_ref().map_or_else(
        || format!("no number yet ({})", short(&answer.digest)),
        |to| stamp_text(Some(to)) + if answer.held { ", waits for `lbctl apply --yes`" } else { "" },
    );
    let mut text = labelled([("from", from), ("to", to)]);
    text.push('\n');
    let rows = answer.changes.iter().map(|change| {
        let sign = match change.how.as_str() {
            "added" => "+",
            "removed" => "-",
            _ => "~",
        };
        vec![sign.to_owned(), change.what.clone(), change.name.clone(), change.detail.clone()]
    });
    text.push_str(&table(
        &[Column::Text(""), Column::Text("WHAT"), Column::Text("NAME"), Column::Text("HOW")],
        rows,
    ));
    if answer.changes_left_out > 0 {
        text.push_str(&format!("and {} more\n", answer.changes_left_out));
    }
    let lines = answer.disruption.as_ref().map(disruption_lines).unwrap_or_default();
    text.push('\n');
    if lines.is_empty() {
        text.push_str("no flow of a backend that lives is disturbed\n");
    } else {
        text.push_str(&lines);
        if answer.flows_at_risk > 0 {
            text.push_str(&format!(
                "flows in these slots: {} on the busiest forwarder\n",
                answer.flows_at_risk
            ));
        }
    }
    text
}

/// What is disturbed, a line for each set and VIP; empty when nothing is.
pub(super) fn disruption_lines(disruption: &v1::Disruption) -> String {
    let mut text = String::new();
    for set in disruption.sets.iter().filter(|set| set.moved_live > 0) {
        let about = if set.exact { "" } else { "about " };
        text.push_str(&format!("set {}: {about}{}\n", set.set, moved(set.moved_live, set.slots)));
    }
    for vip in &disruption.vips_moved {
        let what = moved(vip.moved_live, vip.slots);
        text.push_str(&format!(
            "VIP {}: served by set {} in place of {}, {what}\n",
            vip.vip, vip.to, vip.from
        ));
    }
    for vip in &disruption.vips_removed {
        text.push_str(&format!("VIP {vip}: is gone\n"));
    }
    text
}

fn moved(live: u32, slots: u32) -> String {
    let permille = u64::from(live) * 1000 / u64::from(slots.max(1));
    let (percent, tenths) = (permille / 10, permille % 10);
    format!("{live} of {slots} slots ({percent}.{tenths} %) move away from backends that live")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::json;

    #[test]
    fn table_and_json() {
        let change = |what: &str, name: &str, how: &str, detail: &str| v1::Change {
            what: what.to_owned(),
            name: name.to_owned(),
            how: how.to_owned(),
            detail: detail.to_owned(),
        };
        let set = v1::SetDisruption {
            set: "east/web/shop/80".to_owned(),
            slots: 16_381,
            moved_live: 820,
            moved_dead: 0,
            exact: false,
        };
        let answer = DiffResponse {
            from: Some(v1::Stamp { generation: 41, digest: "a".repeat(64) }),
            to: Some(v1::Stamp { generation: 42, digest: "b".repeat(64) }),
            digest: "b".repeat(64),
            held: true,
            changes: vec![
                change("vip", "east/web/new/80/v4", "added", "192.0.2.9/32 tcp 80"),
                change("set", "east/web/shop/80", "changed", "1 backend more"),
                change("pool", "old", "removed", ""),
            ],
            changes_left_out: 3,
            disruption: Some(v1::Disruption { sets: vec![set], ..v1::Disruption::default() }),
            flows_at_risk: 120,
        };
        insta::assert_snapshot!(human(&answer));
        insta::assert_snapshot!(json(&view(&answer)).unwrap());
        assert_eq!(human(&DiffResponse::default()), "nothing would change\n");
        let harmless = DiffResponse { disruption: None, to: None, from: None, ..answer };
        let text = human(&harmless);
        assert!(text.contains("no number yet (bbbbbbbbbbbbbbbb)") && text.contains("no flow"), "{text}");
    }
}
