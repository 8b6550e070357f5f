//! Why a prefix is or is not announced.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use guideway_bgp_admin::v1;
use guideway_bgp_peer::{PeerStatus, admin};
use guideway_bgp_rib::Hold;
use guideway_bgp_rib::policy::{self, CandidateKind, Outcome, Refusal, VipStatus};
use guideway_bgp_wire::Family;
use ipnet::IpNet;

use super::{Inner, Table};
use crate::drain::{Effect, Target, UnixMs};
use crate::prefixes::can_be_announced;

/// What an operator asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Exactly this prefix.
    Prefix(IpNet),
    /// The most specific prefix that holds this address.
    Address(IpAddr),
}

impl std::str::FromStr for Asked {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        match text.parse::<IpNet>() {
            Ok(prefix) if prefix == prefix.trunc() => Ok(Self::Prefix(prefix)),
            Ok(prefix) => Err(format!("{prefix} has host bits; {} would be right", prefix.trunc())),
            Err(_) => Err(format!("`{}` is neither an address nor a prefix", text.escape_debug())),
        }
    }
}

impl Asked {
    pub(crate) fn matches(self, prefix: &IpNet) -> bool {
        match self {
            Self::Prefix(asked) => asked == *prefix,
            Self::Address(address) => prefix.contains(&address),
        }
    }

    /// An address stands for its host prefix.
    pub(crate) fn prefix(self) -> IpNet {
        match self {
            Self::Prefix(prefix) => prefix,
            Self::Address(address) => address.into(),
        }
    }
}

impl Table {
    /// The whole answer. `agent` is what is known of the agent's stream; `None` when it has said what it serves.
    pub(crate) fn explain(
        &self,
        asked: Asked,
        statuses: &[PeerStatus],
        agent: Option<&str>,
        now: Instant,
    ) -> v1::ExplainResponse {
        let inner = self.lock();
        let prefix = inner.find(asked);
        let peers: Vec<_> = statuses.iter().map(|status| inner.explain_peer(&prefix, status)).collect();
        let state = inner.state_of(&prefix);
        v1::ExplainResponse {
            prefix: prefix.to_string(),
            announced: peers.iter().any(|peer| peer.announced),
            state: state.unwrap_or_default().to_owned(),
            since_unix_ms: state.map_or(0, |_| inner.since.of(&prefix)),
            reasons: inner.reasons(&prefix, agent, now),
            peers,
        }
    }
}

impl Inner {
    fn find(&self, asked: Asked) -> IpNet {
        let aggregates = self.announcements.candidates().map(|candidate| candidate.prefix);
        let known = self.announcements.vips().keys().copied().chain(aggregates);
        let found = known.filter(|prefix| asked.matches(prefix)).max_by_key(IpNet::prefix_len);
        found.unwrap_or_else(|| asked.prefix())
    }

    fn reasons(&self, prefix: &IpNet, agent: Option<&str>, now: Instant) -> Vec<String> {
        let mut reasons = Vec::new();
        let status = self.announcements.status(prefix);
        if self.served.contains(prefix) {
            reasons.push("lb-dataplane serves it".to_owned());
        } else if let VipStatus::Candidate(candidate) = status
            && candidate.kind == CandidateKind::Aggregate
        {
            reasons.push("it covers VIPs that lb-dataplane serves (aggregate of their pool)".to_owned());
        } else if !can_be_announced(prefix) {
            reasons.push(
                "it has addresses in common with reserved ones (such as loopback and multicast): no such prefix is announced, \
                 whatever lb-dataplane says"
                    .to_owned(),
            );
        } else {
            reasons.push(match agent {
                Some(text) => format!("lb-dataplane has not said what it serves: {text}"),
                None => "lb-dataplane does not serve it: `lbctl vips` tells why".to_owned(),
            });
        }
        if let VipStatus::Covered(aggregate) = status {
            reasons.push(format!("only {aggregate} is announced, which covers it (aggregate of its pool)"));
        }
        if status == VipStatus::Drained
            && let Some((aggregate, _)) = self.announcements.outlived_by(prefix)
        {
            reasons.push(format!(
                "{aggregate} is still announced and covers it: routers without a longer prefix go on sending its packets here"
            ));
        }
        if status == VipStatus::Damped {
            let state = self.damping.as_ref().and_then(|damping| damping.state(prefix, now));
            let until = state.and_then(|state| state.suppressed_until);
            let left = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
            reasons
                .push(format!("it came and went too often: it is held back for {} s more", left.as_secs()));
        }
        for (target, effect) in &self.drains {
            if !target.covers(*prefix) {
                continue;
            }
            let what = match target {
                Target::Node => "the node",
                Target::Vip(_) => "it",
            };
            match effect {
                Effect::Nothing => {}
                Effect::GracefulShutdown => reasons.push(format!("{what} is being drained")),
                Effect::Withdrawn => reasons.push(format!("{what} is drained: `lbctl bgp undrain`")),
            }
        }
        if self.hold == Hold::Held {
            reasons.push("nothing is sent yet: the first word of lb-dataplane is waited for".to_owned());
        }
        reasons
    }

    fn explain_peer(&self, prefix: &IpNet, status: &PeerStatus) -> v1::ExplainPeer {
        let mut answer = v1::ExplainPeer { peer: status.config.name.clone(), ..v1::ExplainPeer::default() };
        let live = self.sessions.get(&status.id).and_then(|entry| entry.live.as_ref());
        let (Some(live), Some(session)) = (live, &status.session) else {
            let error =
                status.last_error.as_ref().map(|error| format!(": {}", error.text)).unwrap_or_default();
            let problems: String = status.problems.iter().map(|problem| format!("; {problem}")).collect();
            answer.reason = format!("the session is not established ({}){error}{problems}", status.state);
            return answer;
        };
        let family = Family::of_prefix(prefix);
        let Some(key) = live.keys.iter().find(|key| key.family == family) else {
            answer.reason = Refusal::Family(family).to_string();
            return answer;
        };
        let export = key.export(std::sync::Arc::clone(&self.node), self.state);
        let explanation = policy::explain(prefix, &self.announcements, &export);
        let rules = explanation.rules.iter().map(|rule| v1::Rule {
            attribute: rule.attribute.to_owned(),
            value: rule.value.clone(),
            source: match rule.source {
                policy::Source::Peer => format!("export of {}", status.config.name),
                policy::Source::Node => "announce".to_owned(),
                source => source.to_string(),
            },
        });
        match explanation.outcome {
            Outcome::Refused(Refusal::Unknown) => "there is no such route".clone_into(&mut answer.reason),
            Outcome::Refused(Refusal::Covered(aggregate)) => {
                answer.reason = Refusal::Covered(aggregate).to_string();
                let of_aggregate = policy::explain(&aggregate, &self.announcements, &export).outcome;
                if let Outcome::Refused(refusal) = of_aggregate {
                    answer.reason = format!("{}, and that not to this peer: {refusal}", answer.reason);
                }
            }
            Outcome::Refused(refusal) => answer.reason = refusal.to_string(),
            Outcome::Announced { .. } if self.hold == Hold::Held => {
                "nothing is sent yet".clone_into(&mut answer.reason);
            }
            Outcome::Announced { route, .. } => {
                answer.announced = true;
                answer.path = Some(admin::path(&key.nlri(*prefix), &route));
                let changed: UnixMs = self.since.of(prefix);
                answer.since_unix_ms = changed.max(crate::unix_ms(session.since));
                answer.rules = rules.collect();
            }
        }
        answer
    }
}
