//! The speaker is killed and comes back (RFC 4724); the daemon keeps its routes all the time.

use anyhow::{Context, Result, ensure};
use guideway_lab::wait;

use super::{Case, V4, V6};
use crate::{PATIENCE, Speaker, prefixes};

pub(super) fn check(case: Case) -> Result<Case> {
    let wanted = prefixes(&[V4, V6]);
    let Case { speaker, agent, router, config, feature, site } = case;
    speaker.kill()?;
    wait::until_true("the daemon to miss the speaker", PATIENCE, || Ok(!router.is_established()?))
        .with_context(|| router.describe())?;
    let kept = |when: &str| -> Result<()> {
        let now = router.prefixes()?;
        ensure!(now == wanted, "{when} the daemon has {now:?}:\n{}", router.describe());
        Ok(())
    };
    wait::while_nothing_fails(Case::WATCH, || kept("while the speaker is away"))?;
    let speaker = Speaker::start(&site, 1, &config)?;
    wait::until_true("the session again", PATIENCE, || {
        kept("until the speaker is back")?;
        router.is_established()
    })
    .with_context(|| router.describe())?;
    wait::while_nothing_fails(Case::WATCH, || kept("after the speaker is back"))?;
    let case = Case { speaker, agent, router, config, feature, site };
    case.check_routes()?;
    Ok(case)
}
