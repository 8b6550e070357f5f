//! The same bytes before our decoder and before two published ones: what we write they read as it was meant, and where
//! they judge a damaged UPDATE differently, a row of `differences` says why we are right.
#![allow(missing_docs, clippy::unwrap_used)]

mod differences;
mod other_codecs;
mod strategies;

use guideway_bgp_wire::{AsWidth, Context, Families, Message, SegmentKind, Update};
use ipnet::IpNet;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use differences::{Case, DIFFERENCES, Difference};
use other_codecs::Codec;
use strategies::{context, damaged, update};

/// What the other codecs can be told about a session: 4-octet AS numbers, both families.
fn common_context() -> impl Strategy<Value = Context> {
    context().prop_map(|context| Context { as_width: AsWidth::Four, families: Families::NONE, ..context })
}

/// An UPDATE with the context of its sender, without what one of the others refuses on principle: segments of
/// confederations and sets in the path, multicast prefixes.
fn common_update() -> impl Strategy<Value = (Update, Context)> {
    common_context().prop_flat_map(|context| {
        let update = update(context).prop_map(|mut update| {
            if let Some(path) = &mut update.attributes.as_path {
                path.segments.retain(|segment| segment.kind == SegmentKind::Sequence);
            }
            let lists = update.reach.iter_mut().map(|reach| &mut reach.nlri);
            let lists = lists.chain(update.unreach.iter_mut().map(|unreach| &mut unreach.nlri));
            for nlri in lists.flatten().filter(|nlri| nlri.prefix.addr().is_multicast()) {
                nlri.prefix = match nlri.prefix {
                    IpNet::V4(_) => "10.0.0.0/8".parse().unwrap(),
                    IpNet::V6(_) => "2001:db8::/32".parse().unwrap(),
                };
            }
            update
        });
        (update, Just(context))
    })
}

fn damaged_config() -> ProptestConfig {
    match std::env::var("GUIDEWAY_DIFFERENTIAL_CASES").ok().and_then(|cases| cases.parse().ok()) {
        Some(cases) => ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() },
        None => ProptestConfig {
            cases: 1000,
            rng_seed: RngSeed::Fixed(7606),
            failure_persistence: None,
            ..ProptestConfig::default()
        },
    }
}

/// The rows that the case is an example of.
fn explanations(case: &Case) -> Vec<&'static str> {
    let holds = |row: &&Difference| row.codecs.contains(&case.codec) && (row.holds)(case);
    DIFFERENCES.iter().filter(holds).map(|row| row.what).collect()
}

proptest! {
    #[test]
    fn what_we_write_is_read_equal((update, context) in common_update()) {
        let bytes = Message::Update(update.clone()).encode(&context).unwrap();
        for codec in Codec::ALL {
            let case = Case::new(codec, &bytes, context.mirrored());
            prop_assert_eq!(case.ours.update.as_ref(), Some(&update));
            prop_assert!(case.agrees() || !explanations(&case).is_empty(), "{:?}", case);
        }
    }

}

proptest! {
    // Always the same cases: what others do with a message that nobody has thought of must not fail a build by chance.
    // `GUIDEWAY_DIFFERENTIAL_CASES=50000` looks for new classes, with fresh cases.
    #![proptest_config(damaged_config())]

    #[test]
    fn damaged_messages_are_judged_alike_or_the_difference_is_explained(
        (bytes, context) in common_update().prop_flat_map(|(update, context)| {
            (damaged(Message::Update(update).encode(&context).unwrap()), Just(context.mirrored()))
        })
    ) {
        for codec in Codec::ALL {
            let case = Case::new(codec, &bytes, context);
            prop_assert!(case.agrees() || !explanations(&case).is_empty(), "{:?}", case);
        }
    }
}

/// Every row has an UPDATE on which the codecs do differ.
#[test]
fn every_difference_has_an_example() {
    for row in DIFFERENCES {
        let bytes = differences::message(row.example);
        for codec in row.codecs {
            let case = Case::new(*codec, &bytes, Context::default());
            assert!(!case.agrees(), "{} is no difference any more: {case:?}", row.what);
            assert!((row.holds)(&case), "{}: {case:?}", row.what);
            assert!(!row.paragraph.is_empty());
        }
    }
}
