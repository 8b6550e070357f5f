//! The speaker is killed and comes back (RFC 4724); the daemon keeps its routes all the time.

use anyhow::{Context, Result, ensure};
use guideway_lab::wait;
use serde_json::{Value, json};

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

/// For a daemon that keeps nothing: what it heard in the second OPEN, with everything that came after it.
pub(super) fn check_open(case: Case) -> Result<Case> {
    let Case { speaker, agent, router, config, feature, site } = case;
    let before = opens(&router.describe());
    speaker.kill()?;
    let speaker = Speaker::start(&site, 1, &config)?;
    speaker.wait_established()?;
    wait::until_true("another OPEN", PATIENCE, || Ok(opens(&router.describe()).len() > before.len()))?;
    let opens = opens(&router.describe());
    let restart = |open: &Value| open["capabilities"]["64"].clone();
    let (first, second) = (restart(&opens[0]), restart(&opens[opens.len() - 1]));
    // ExaBGP calls the flag R "forwarding" and the flag F of a family "restart".
    let kept = |family: &str| second["address-family-flags"][family] == json!(["restart"]);
    ensure!(first["restart-flags"] == json!([]), "the first OPEN says that the speaker restarted: {first}");
    ensure!(second["restart-flags"] == json!(["forwarding"]), "the last OPEN does not say so: {second}");
    ensure!(kept("ipv4/unicast") && kept("ipv6/unicast"), "not that it went on forwarding: {second}");
    let case = Case { speaker, agent, router, config, feature, site };
    case.check_routes()?;
    Ok(case)
}

/// The OPENs among the events of ExaBGP.
fn opens(events: &str) -> Vec<Value> {
    let events = events.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.filter(|event| event["type"] == "open").map(|event| event["neighbor"]["open"].clone()).collect()
}
