//! The matrix with BIRD in the place of the speaker: tells a mistake of the lab from one of the speaker.

use anyhow::{Result, ensure};
use guideway_interop::matrix::{self, Cell};
use guideway_interop::{Feature, PATIENCE, Site, prefixes};
use guideway_lab::router::{Kind, Router};
use guideway_lab::wait;

fn one(kind: Kind, feature: Feature) -> Result<()> {
    let mut site = Site::build(1)?;
    let (mut ours, theirs) = matrix::sides(&site, feature)?;
    ours.announces = vec!["203.0.113.10/32".to_owned(), "2001:db8::10/128".to_owned()];
    let router = Router::start(kind, &site.router, &site.folder("router")?, &theirs)?;
    let bird = Router::start(Kind::Bird, &site.speakers[0], &site.folder("speaker")?, &ours)?;
    wait::until_true("a session", PATIENCE, || Ok(bird.is_established()? && router.is_established()?))
        .inspect_err(|_| eprintln!("{}\n{}", bird.describe(), router.describe()))?;
    router
        .wait_prefixes(&prefixes(&["203.0.113.10", "2001:db8::10"]), PATIENCE)
        .inspect_err(|_| eprintln!("{}", bird.describe()))?;
    let learnt = router.learnt("203.0.113.10/32")?;
    println!("{kind}, {feature:?}: {learnt:?}");
    ensure!(learnt.len() == 1);
    bird.wait_prefixes(&prefixes(&[matrix::announced_by_daemon(feature)]), PATIENCE)?;
    router.refresh()?;
    site.pass();
    Ok(())
}

#[test]
#[ignore = "for people who look for a mistake"]
fn every_feature_of_every_daemon() {
    let mut failed = Vec::new();
    let only = std::env::var("ONLY").unwrap_or_default();
    for kind in Kind::ALL {
        for feature in Feature::ALL {
            if !format!("{kind:?}-{feature:?}").contains(&only) {
                continue;
            }
            let started = std::time::Instant::now();
            let outcome = one(kind, feature);
            let expected = !matches!(matrix::cell(kind, feature), Cell::Cannot(_));
            println!("== {kind}, {feature:?}: {:?} after {:?}", outcome.is_ok(), started.elapsed());
            if outcome.is_ok() != expected {
                println!("   not as expected: {outcome:?}");
                failed.push((kind, feature));
            }
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}
