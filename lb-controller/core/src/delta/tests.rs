use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::arbitrary::{content, edit};

proptest! {
    #[test]
    fn a_difference_makes_one_of_the_other(from in content(), to in content()) {
        let delta = diff(&from, &to);
        let made = delta.apply(&from).unwrap();
        prop_assert_eq!(&made, &to);
        prop_assert!(made.sets == to.sets && made.vips == to.vips && made.routing == to.routing);
        prop_assert_eq!(delta.is_empty(), from == to);
        prop_assert_eq!(Delta::whole(&to).apply(&from).unwrap(), to.clone());
        prop_assert_eq!(Delta::whole(&to).build().unwrap(), to);
    }

    #[test]
    fn a_delta_costs_what_changes(content in content(), edits in vec(edit(), 0..5)) {
        let mut after = content.clone();
        edits.iter().for_each(|edit| edit.apply(&mut after));
        prop_assert!(diff(&content, &after).len() <= edits.len());
    }

    #[test]
    fn only_the_right_base_will_do(from in content(), other in content(), to in content()) {
        let delta = diff(&from, &to);
        let error = DeltaError::Base { expected: from.digest(), found: other.digest() };
        prop_assert_eq!(delta.apply(&other).err(), (from != other).then_some(error));
    }

    /// What is lost or added on the way is noticed.
    #[test]
    fn another_result_is_an_error(from in content(), to in content(), more in edit()) {
        let mut delta = diff(&from, &to);
        let mut wrong = to.clone();
        more.apply(&mut wrong);
        delta.changes = diff(&from, &wrong).changes;
        let error = DeltaError::Result { expected: to.digest(), found: wrong.digest() };
        prop_assert_eq!(delta.apply(&from).err(), (to != wrong).then_some(error));
    }
}

#[test]
fn a_whole_content_needs_its_seed() {
    let content = Content::new(Seed::new([1; 16]), Routing::default());
    let mut delta = Delta::whole(&content);
    delta.changes.seed = None;
    assert_eq!(delta.build(), Err(DeltaError::NoSeed));
    let delta = diff(&content, &content);
    assert!(matches!(delta.build(), Err(DeltaError::Base { .. })));
}
