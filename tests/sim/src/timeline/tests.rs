use super::*;
use crate::history::{Class, History};

#[test]
fn forwarders_learn_everything_in_order_and_nobody_acts_before_all_are_prepared() {
    for &class in Class::ALL {
        for seed in 0..30 {
            let history = History::of(class, seed);
            let timeline = timeline(&history);
            assert!(timeline.steps.is_sorted_by_key(|(at, _)| *at), "{class:?} {seed}");
            check(&timeline, class == Class::AtOnce);
        }
    }
}

fn check(timeline: &Timeline, at_once: bool) {
    let mut views: Vec<Option<Rc<View>>> = vec![None; timeline.forwarders];
    for (at, step) in &timeline.steps {
        match step {
            Step::Configure { forwarder, view } => {
                let before = views[*forwarder].replace(Rc::clone(view)).unwrap();
                assert!(view.generation.number >= before.generation.number, "{at:?}");
            }
            Step::Join { forwarder, view } => views[*forwarder] = Some(Rc::clone(view)),
            Step::Leave { forwarder } => views[*forwarder] = None,
            Step::Down { .. } | Step::Up { .. } => {}
        }
        let newest = views.iter().flatten().map(|view| view.generation.number).max().unwrap();
        for view in views.iter().flatten().filter(|_| !at_once) {
            let known = view.upcoming.as_ref().map_or(view.generation.number, |upcoming| upcoming.number);
            assert!(known >= newest, "{at:?}: {known} {newest}");
        }
    }
}
