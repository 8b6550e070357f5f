//! Some hundred scenarios, and that the checks see what is broken.
//!
//! More: `cargo run --release -p guideway-sim-controller -- --seeds 100000`.
#![allow(clippy::unwrap_used)]

use std::time::Instant;

use guideway_sim_controller::{Defect, Scenario, Score, Trace, Violation, play};

fn run(seed: u64, defect: Option<Defect>) -> Result<Score, Violation> {
    play(&Scenario::new(seed, defect), Instant::now(), Trace::Silent)
}

/// Seeds that once led to what must not be.
const FOUND: [u64; 1] = [519_642];

#[test]
fn what_must_hold_holds() {
    let mut sum = Score::default();
    for seed in (0..300).chain(FOUND) {
        match run(seed, None) {
            Ok(score) => sum += score,
            Err(violation) => panic!("seed {seed}: {violation}"),
        }
    }
    // That they do what they are there for.
    assert!(sum.committed > 500 && sum.aborted > 100 && sum.terms > 500, "{sum:?}");
    assert!(
        sum.crashes > 500 && sum.fences > 20 && sum.held > 20 && sum.rollbacks > 0 && sum.found > 0,
        "{sum:?}"
    );
}

#[test]
fn the_same_seed_gives_the_same_history() {
    assert_eq!(format!("{:?}", run(7, None)), format!("{:?}", run(7, None)));
}

/// The first violation that a defect leads to.
fn found(defect: Defect) -> Violation {
    let found = (0..400).find_map(|seed| run(seed, Some(defect)).err());
    found.unwrap_or_else(|| panic!("{defect:?} is not found"))
}

#[test]
fn every_defect_is_found() {
    let is_right = |defect, violation: &Violation| match defect {
        Defect::TermIgnored => matches!(violation, Violation::OldTerm { .. }),
        Defect::PreparedAtOnce => matches!(violation, Violation::NotPrepared { .. }),
        Defect::GenerationReused => matches!(violation, Violation::TwoDigests { .. }),
        Defect::FenceIgnored => matches!(violation, Violation::AnnouncesOld { .. }),
        Defect::InstalledEarly | Defect::DoubtTakenForDone => {
            matches!(violation, Violation::NotCommitted { .. })
        }
        Defect::KeptNowhere => matches!(
            violation,
            Violation::WentBack { .. } | Violation::WithdrawsInVain { .. } | Violation::NotThere { .. }
        ),
        Defect::SwapWithoutCompare => {
            matches!(violation, Violation::RecordWentBack { .. } | Violation::TwoDigests { .. })
        }
        Defect::WithdrawnWithoutLeader => matches!(violation, Violation::WithdrawsInVain { .. }),
        Defect::CommitLost => matches!(violation, Violation::NotThere { .. }),
        Defect::PastLost => matches!(violation, Violation::NotTold { .. }),
    };
    for defect in [
        Defect::TermIgnored,
        Defect::PreparedAtOnce,
        Defect::GenerationReused,
        Defect::FenceIgnored,
        Defect::InstalledEarly,
        Defect::KeptNowhere,
        Defect::SwapWithoutCompare,
        Defect::DoubtTakenForDone,
        Defect::WithdrawnWithoutLeader,
        Defect::CommitLost,
        Defect::PastLost,
    ] {
        let violation = found(defect);
        assert!(is_right(defect, &violation), "{defect:?}: {violation}");
    }
}
