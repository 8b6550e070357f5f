//! Changes above the budget.

use std::time::Duration;

use guideway_controller_core::{Budget, Generation};

use super::bed::{Bed, content};
use crate::coordinator::{Event, Notice, Phase};
use crate::{OverBudget, Settings};

#[test]
fn what_disturbs_waits_and_the_rest_does_not() {
    let mut bed = Bed::led(2);
    // Two VIPs move, one may.
    bed.wants(&content("second", "bba"));
    assert!(bed.all_serve(&content("second", "aaa")));
    let rollout = bed.leader.as_ref().unwrap().state().rollout.unwrap();
    assert_eq!((rollout.phase, rollout.disruption.vips.len()), (Phase::Held, 2));
    assert_eq!(rollout.cost.flows_at_risk, 1);
    let asked = rollout.stamp.generation;
    // While somebody thinks about it, something else changes.
    bed.wants(&content("third", "bba"));
    assert!(bed.all_serve(&content("third", "aaa")));
    // Nobody has agreed to more than was asked.
    bed.wants(&content("third", "bbb"));
    bed.tell(Event::Approve { generation: asked });
    bed.run();
    assert!(bed.all_serve(&content("third", "aaa")));
    bed.wants(&content("fourth", "bba"));
    bed.run();
    assert!(bed.all_serve(&content("fourth", "bba")));
    // The consent is used up.
    bed.wants(&content("fourth", "aab"));
    assert!(bed.all_serve(&content("fourth", "bba")));
    bed.tell(Event::Approve { generation: Generation(1000) });
    assert!(matches!(bed.notices.last(), Some(Notice::Declined(_))));
}

#[test]
fn a_change_comes_in_parts() {
    let mut bed = Bed::new(2);
    let budget = Budget { moved_permille: 1000, disturbed: 1 };
    let over_budget = OverBudget::Spread(Duration::from_secs(10));
    bed.start(Settings { over_budget, ..Settings::new("one".to_owned(), budget) }, &content("x", "aaa"));
    bed.pass(Duration::from_secs(3));
    bed.wants(&content("x", "bbb"));
    let moved = |bed: &Bed| {
        let committed = bed.committed().unwrap().generation;
        let content = bed.leader.as_ref().unwrap().content(committed).unwrap();
        content.vips().values().filter(|vip| vip.set.as_str() == "b").count()
    };
    assert_eq!(moved(&bed), 1);
    bed.pass(Duration::from_secs(9));
    assert_eq!(moved(&bed), 1);
    // What disturbs nobody does not wait for the next part.
    bed.wants(&content("y", "bbb"));
    assert_eq!(moved(&bed), 1);
    assert!(
        bed.leader
            .as_ref()
            .unwrap()
            .content(bed.committed().unwrap().generation)
            .unwrap()
            .pools()
            .contains_key("y")
    );
    bed.pass(Duration::from_secs(2));
    assert_eq!(moved(&bed), 2);
    bed.pass(Duration::from_secs(10));
    assert!(bed.all_serve(&content("y", "bbb")));
}
