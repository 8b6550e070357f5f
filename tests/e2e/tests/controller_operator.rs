//! What an operator decides: changes that wait, and the way back.

mod controller_support;

use std::time::Duration;

use anyhow::{Result, ensure};
use controller_support::objects::rollout;
use controller_support::plane::{Plane, Requests, in_plane_of, web_on};
use controller_support::witness::Witness;
use controller_support::{NAMESPACE, PATIENCE, served_by};
use guideway_lab::wait;
use serde_json::{Value, json};

fn ask(plane: &Plane, words: &[&str]) -> Result<Value> {
    Ok(plane.controller.lbctl(words)?.1)
}

/// Says yes to what waits.
fn consented(plane: &Plane) -> Result<()> {
    let (code, applied) = plane.controller.lbctl(&["apply", "--yes"])?;
    ensure!(code == 0 && applied["outcome"] == "committed", "{code}: {applied}");
    Ok(())
}

#[test]
fn a_change_above_the_budget_waits_and_earlier_generations_come_back() {
    let budget = rollout(NAMESPACE, json!({"budget": {"slotsPermille": 10, "above": "Hold"}}));
    in_plane_of(&[budget], |lab, plane| {
        let address = plane.web(lab)?;
        let mut witness = Witness::default();
        let first = witness.settle(lab, 0)?;
        let mut requests = Requests::start(lab, "web", &address)?;

        // Half of all slots would move away from a backend that lives.
        plane.east.apply(&[web_on(&[0])])?;
        wait::until_true("the change to wait", PATIENCE, || {
            Ok(ask(plane, &["generations"])?["rollout"]["phase"] == "held")
        })?;
        let diff = ask(plane, &["diff"])?;
        ensure!(diff["held"] == true && diff["from"]["generation"] == first, "{diff}");
        let sets = diff["disruption"]["sets"].as_array().cloned().unwrap_or_default();
        ensure!(sets.iter().any(|set| set["moved_live"].as_u64() > Some(5000)), "{diff}");
        let (code, waits) = plane.controller.lbctl(&["apply"])?;
        ensure!(code == 1 && waits["held"] == true, "{code}: {waits}");
        wait::while_nothing_fails(Duration::from_secs(1), || {
            let sights = witness.look(lab)?;
            ensure!(sights.iter().all(|sight| sight.generation == first), "it did not wait: {sights:?}");
            Ok(())
        })?;
        served_by(lab, &address, 8080, &["be1", "be2"])?;

        consented(plane)?;
        let second = witness.settle(lab, first)?;
        served_by(lab, &address, 8080, &["be1"])?;
        requests.wait_round()?;

        // Back, as a change like any other: it waits as well.
        let history = ask(plane, &["history"])?;
        let rows = history["generations"].as_array().cloned().unwrap_or_default();
        let row =
            |number: u64| rows.iter().find(|row| row["generation"] == number).cloned().unwrap_or_default();
        ensure!(row(second)["in_force"] == true && row(first)["at_hand"] == true, "{history}");
        let (code, back) = plane.controller.lbctl(&["rollback", &first.to_string()])?;
        ensure!(code == 1 && back["outcome"] == "held", "{code}: {back}");
        ensure!(witness.look(lab)?.iter().all(|sight| sight.generation == second), "it did not wait");
        consented(plane)?;
        let third = witness.settle(lab, second)?;
        served_by(lab, &address, 8080, &["be1", "be2"])?;
        let shown = ask(plane, &["generations"])?;
        ensure!(shown["rolled_back_to"] == first, "{shown}");

        // What the API says is not rolled out until it shall be; then it is.
        plane.east.apply(&[web_on(&[1])])?;
        wait::until_true("the change to be wanted", PATIENCE, || {
            let shown = ask(plane, &["generations"])?;
            Ok(!shown["desired"].is_null() && shown["desired"] != shown["committed"]["digest"])
        })?;
        ensure!(witness.look(lab)?.iter().all(|sight| sight.generation == third), "it was rolled out");
        let (code, resumed) = plane.controller.lbctl(&["resume"])?;
        ensure!(code == 0 && resumed["outcome"] == "resumed", "{code}: {resumed}");
        wait::until_true("what is wanted to wait", PATIENCE, || {
            Ok(ask(plane, &["generations"])?["rollout"]["phase"] == "held")
        })?;
        consented(plane)?;
        let fourth = witness.settle(lab, third)?;
        served_by(lab, &address, 8080, &["be2"])?;

        // A controller that starts anew has no content but the present one: forwarders send what is to be looked at.
        plane.controller.kill()?;
        plane.controller.spawn()?;
        let mut diff = Value::Null;
        wait::until_true("the new leader to tell a difference", PATIENCE, || {
            diff = ask(plane, &["diff", &first.to_string()]).unwrap_or_default();
            Ok(diff["from"]["generation"] == fourth)
        })?;
        let details: Vec<_> = diff["changes"].as_array().into_iter().flatten().collect();
        ensure!(details.iter().any(|change| change["what"] == "set" && change["how"] == "changed"), "{diff}");
        let (_, answer) = plane.controller.lbctl(&["history"])?;
        ensure!(answer["generations"][0]["generation"] == fourth, "a look changed something: {answer}");
        requests.wait_round()?;
        requests.expect_answered("changes that wait, and back", &["be1", "be2"])
    });
}
