//! The tables in the kernel are Maglev's, whatever happened before, once everything has settled.

use std::collections::BTreeMap;
use std::net::IpAddr;

use guideway_maglev::{Member, Table};
use guideway_packet_tests::case_file::{Change, NextHop, Step};
use guideway_packet_tests::history::Stage;

const WORLD: &str = r#"{
    seed: tables,
    sets: {
        large: { members: [a, b weight 3, a6, c] },
        small: { members: [a, b, c, d], table: small, second_hop: true },
    },
    vips: { "203.0.113.10:80/tcp": large, "203.0.113.10:81/tcp": small },
}"#;

fn step(text: &str) -> Step {
    serde_saphyr::from_str(text).expect("a step")
}

/// Compares all tables with those that the Maglev crate builds; there must be nothing in doubt.
fn settled_as_built(stage: &Stage) {
    let desired = stage.desired().expect("a desired state");
    let world = stage.world().expect("a world");
    for (wanted, set) in desired.sets.iter().zip(&world.sets) {
        let members: Vec<Member> =
            wanted.members.iter().map(|m| Member { name: m.name.clone(), weight: m.weight }).collect();
        let by_name: BTreeMap<&str, (IpAddr, bool)> =
            wanted.members.iter().map(|m| (m.name.as_str(), (m.address, m.healthy))).collect();
        let table = Table::new(desired.seed, wanted.table_size, &members).expect("a table");
        let of = |owner: usize| by_name[table.members()[owner].name.as_str()];
        let healthy: Vec<bool> = (0..members.len()).map(|owner| of(owner).1).collect();
        let built = table.with_health(&healthy).expect("somebody is healthy");
        let built: Vec<IpAddr> = built.iter().map(|&owner| of(usize::from(owner)).0).collect();
        let slots = set.table.as_ref().expect("a table");
        // An unsettled slot has a bit that no backend has.
        let installed: Vec<IpAddr> = slots.iter().map(|slot| world.backends[slot].address).collect();
        assert_eq!(installed, built, "{}", wanted.name);
    }
}

#[test]
fn settled_tables_are_maglevs() {
    let world: Change = serde_saphyr::from_str(WORLD).expect("a world");
    let mut stage = Stage::new(NextHop::Fixed, Some(&world)).unwrap_or_else(|e| panic!("{e:#}"));
    settled_as_built(&stage);
    for text in [
        "{ install: { sets: { large: { members: [a, b weight 3, a6 down, c] } } } }",
        "{ install: { sets: { large: { members: [a, b weight 3, a6, c] } } } }",
        "{ install: { sets: { small: { members: [a, b, c, d, b6 weight 7] } } } }",
        "{ install: { sets: { small: { members: [a down, c, d, b6 weight 0] } } } }",
        "{ advance: 11m }",
        "{ install: {} }",
        "{ advance: 11m }",
        "{ install: { seed: other tables } }",
        "{ install: { sets: { large: { members: [a] }, small: { members: [a6, b6, c6] } } } }",
    ] {
        stage.step(&step(text)).unwrap_or_else(|e| panic!("{text}: {e:#}"));
    }
    // A few drain windows later nothing is left of all that.
    for _ in 0..4 {
        stage.step(&step("{ advance: 11m }")).expect("time passes");
        stage.step(&step("{ install: {} }")).unwrap_or_else(|e| panic!("{e:#}"));
    }
    settled_as_built(&stage);
}

#[test]
fn a_failure_settles_at_once() {
    let world: Change = serde_saphyr::from_str(WORLD).expect("a world");
    let mut stage = Stage::new(NextHop::Fixed, Some(&world)).unwrap_or_else(|e| panic!("{e:#}"));
    let text = "{ install: { sets: { large: { members: [a down, b weight 3, a6, c] }, small: { members: [a, b, c down, d down] } } } }";
    stage.step(&step(text)).unwrap_or_else(|e| panic!("{e:#}"));
    settled_as_built(&stage);
}
