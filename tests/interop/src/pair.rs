//! A router and its speakers at work.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use guideway_bgp_admin::v1::Peer;
use guideway_lab::router::{Kind, Router, Spec, Table};

use crate::site::{Over, sides};
use crate::{Agent, PATIENCE, Site, Speaker, SpeakerConfig, prefixes};

/// What a [`Pair`] is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// One for each speaker, in the order of their numbers.
    pub speakers: Vec<SpeakerConfig>,
    /// The router's side.
    pub router: Spec,
    /// What all agents want to be announced at first.
    pub vips: Vec<String>,
}

impl Plan {
    /// So many speakers, each with one session with the router that carries both families.
    #[must_use]
    pub fn new(speakers: u8, over: Over, vips: &[&str]) -> Self {
        let mut plan = Self {
            speakers: Vec::new(),
            router: Spec::default(),
            vips: vips.iter().map(|&v| v.to_owned()).collect(),
        };
        for number in 1..=speakers {
            let (ours, theirs) = sides(number, over);
            plan.speakers.push(SpeakerConfig::new(ours));
            plan.router.neighbours.extend(theirs.neighbours);
        }
        plan
    }

    /// The router puts routes into the kernel's table.
    #[must_use]
    pub fn with_kernel(mut self) -> Self {
        self.router.table = Table::Kernel;
        self
    }

    /// Both sides offer graceful restart.
    #[must_use]
    pub fn with_graceful_restart(mut self, time: Duration) -> Self {
        let ours = self.speakers.iter_mut().flat_map(|config| &mut config.spec.neighbours);
        for neighbour in ours.chain(&mut self.router.neighbours) {
            neighbour.graceful_restart = Some(time);
        }
        self
    }
}

/// A router and its speakers. The order of the fields is the order of their end.
#[derive(Debug)]
pub struct Pair {
    /// The speakers, number 1 first.
    pub speakers: Vec<Speaker>,
    /// Their agents; `None` when one was stopped.
    pub agents: Vec<Option<Agent>>,
    /// The router; `None` when it was stopped.
    pub router: Option<Router>,
    /// Where they are.
    pub site: Site,
}

impl Pair {
    /// Starts everything, the router first.
    ///
    /// # Errors
    /// When anything does not come up.
    pub fn start(kind: Kind, plan: &Plan) -> Result<Self> {
        let site = Site::build(u8::try_from(plan.speakers.len())?)?;
        let router = Router::start(kind, &site.router, &site.folder("router")?, &plan.router)?;
        let (mut speakers, mut agents) = (Vec::new(), Vec::new());
        for (number, config) in (1..).zip(&plan.speakers) {
            agents.push(Some(Speaker::agent(&site, number, &plan.vips)?));
            speakers.push(Speaker::start(&site, number, config)?);
        }
        Ok(Self { speakers, agents, router: Some(router), site })
    }

    /// The first speaker.
    #[must_use]
    pub fn speaker(&self) -> &Speaker {
        &self.speakers[0]
    }

    /// The router.
    ///
    /// # Errors
    /// When it was stopped.
    pub fn router(&self) -> Result<&Router> {
        self.router.as_ref().context("the router was stopped")
    }

    /// The first speaker's agent.
    ///
    /// # Errors
    /// When it was stopped.
    pub fn agent(&self) -> Result<&Agent> {
        self.agents[0].as_ref().context("the agent was stopped")
    }

    /// The first speaker's view of the router.
    ///
    /// # Errors
    /// When the speaker does not answer.
    pub fn peer(&self) -> Result<Peer> {
        self.speaker().peer("tor")
    }

    /// Waits until the router has exactly these routes; returns how long that took.
    ///
    /// # Errors
    /// When it has not in [`PATIENCE`].
    pub fn wait_routes(&self, vips: &[String]) -> Result<Duration> {
        let wanted: BTreeSet<String> = prefixes(vips);
        self.router()?
            .wait_prefixes(&wanted, PATIENCE)
            .with_context(|| format!("the speaker says {:#?}", self.peer()))
    }

    /// The end of a test in which everything was right.
    ///
    /// # Errors
    /// Never; so that it can be the last expression of a test.
    pub fn pass(mut self) -> Result<()> {
        self.site.pass();
        Ok(())
    }
}
