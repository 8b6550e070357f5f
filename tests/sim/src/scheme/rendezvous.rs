//! Rows of a primary and a secondary backend, in the order of a hash of row and backend.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::Duration;

use super::{Hops, NO_BACKEND, Row, RowKey, Scheme};
use crate::random::mix;
use crate::scenario::Scenario;
use crate::timeline::{Backend, Earlier, View};

/// Each row ranks all backends. The primary is the best that takes new flows, the secondary the best of the others that
/// can be reached: a backend that fills up or drains has its rows swapped with the one next to it.
#[derive(Debug)]
pub struct Rendezvous {
    drain_window: Duration,
    /// How far each backend is from each row, by seed.
    distances: HashMap<(u32, Backend), Rc<Vec<f32>>>,
    nodes: BTreeMap<usize, Node>,
}

#[derive(Clone, Debug)]
struct Node {
    view: View,
    /// Backends out of the configuration, with the weight that they had, and until when they are looked after.
    leaving: Vec<(Backend, u16, Duration)>,
    rows: Vec<[u16; 2]>,
}

impl Rendezvous {
    /// Without forwarders.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        Self {
            drain_window: scenario.history().drain_window,
            distances: HashMap::new(),
            nodes: BTreeMap::new(),
        }
    }

    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // hashes become fractions
    fn distances(&mut self, seed: u32, backend: Backend, rows: u32) -> Rc<Vec<f32>> {
        let distances = self.distances.entry((seed, backend)).or_insert_with(|| {
            let of_row = |row: u32| {
                let bits = mix(mix(u64::from(seed) << 32 | u64::from(row)) ^ mix(u64::from(backend.0) + 1));
                let fraction = ((bits >> 40) as f32 + 1.0) / 16_777_217.0;
                -fraction.ln()
            };
            Rc::new((0..rows).map(of_row).collect())
        });
        Rc::clone(distances)
    }

    fn fill(&mut self, scenario: &Scenario, forwarder: usize) {
        let Some(node) = self.nodes.get(&forwarder) else { return };
        let view = node.view.clone();
        let is_up = |backend: Backend| !view.unhealthy.contains(&backend);
        let mut ranked = Vec::new();
        for &(backend, weight) in &view.generation.members {
            // A drained backend keeps its place in the ranks.
            ranked.push((backend, weight.max(1), weight > 0 && is_up(backend)));
        }
        for &(backend, weight, _) in &node.leaving {
            ranked.push((backend, weight.max(1), false));
        }
        ranked.retain(|&(backend, _, _)| is_up(backend));
        let size = scenario.size().get();
        let ranked: Vec<_> = ranked
            .into_iter()
            .map(|(backend, weight, takes_new)| {
                (backend.0, f32::from(weight), takes_new, self.distances(view.generation.seed, backend, size))
            })
            .collect();
        let rows = (0..size as usize).map(|row| {
            let mut primary = (NO_BACKEND, f32::INFINITY);
            for (backend, weight, takes_new, distances) in &ranked {
                let distance = distances[row] / weight;
                if *takes_new && distance < primary.1 {
                    primary = (*backend, distance);
                }
            }
            let mut secondary = (NO_BACKEND, f32::INFINITY);
            for (backend, weight, _, distances) in &ranked {
                let distance = distances[row] / weight;
                if *backend != primary.0 && distance < secondary.1 {
                    secondary = (*backend, distance);
                }
            }
            [primary.0, secondary.0]
        });
        let rows = rows.collect();
        if let Some(node) = self.nodes.get_mut(&forwarder) {
            node.rows = rows;
        }
    }
}

/// Who left before it came.
fn earlier(view: &View, drain_window: Duration) -> Vec<(Backend, u16, Duration)> {
    let members = |earlier: &Earlier| {
        let until = earlier.replaced + drain_window;
        earlier
            .generation
            .members
            .iter()
            .map(move |&(backend, weight)| (backend, weight, until))
            .collect::<Vec<_>>()
    };
    let mut leaving: Vec<(Backend, u16, Duration)> = Vec::new();
    // The latest that there is of each.
    for (backend, weight, until) in view.earlier.iter().rev().flat_map(members) {
        if leaving.iter().all(|&(other, ..)| other != backend) {
            leaving.push((backend, weight, until));
        }
    }
    leaving
}

impl Scheme for Rendezvous {
    fn configure(&mut self, scenario: &Scenario, forwarder: usize, view: &View, now: Duration) {
        let drain_window = self.drain_window;
        let node = self.nodes.entry(forwarder).or_insert_with(|| Node {
            view: view.clone(),
            leaving: earlier(view, drain_window),
            rows: Vec::new(),
        });
        let is_member =
            |backend: Backend| view.generation.members.iter().any(|&(member, _)| member == backend);
        node.leaving.retain(|&(backend, _, until)| until > now && !is_member(backend));
        for &(backend, weight) in &node.view.generation.members {
            if !is_member(backend) {
                node.leaving.push((backend, weight, now + drain_window));
            }
        }
        node.view = view.clone();
        self.fill(scenario, forwarder);
    }

    fn leave(&mut self, forwarder: usize) {
        self.nodes.remove(&forwarder);
    }

    fn deadline(&self) -> Option<(Duration, usize)> {
        self.nodes
            .iter()
            .flat_map(|(&forwarder, node)| node.leaving.iter().map(move |&(_, _, until)| (until, forwarder)))
            .min()
    }

    fn expire(&mut self, scenario: &Scenario, forwarder: usize, now: Duration) {
        if let Some(node) = self.nodes.get_mut(&forwarder) {
            node.leaving.retain(|&(_, _, until)| until > now);
            self.fill(scenario, forwarder);
        }
    }

    fn rows(&self, forwarder: usize, rows: &mut Vec<Row>) -> RowKey {
        rows.clear();
        let Some(node) = self.nodes.get(&forwarder) else { return RowKey { seed: 0, partial: false } };
        rows.extend(
            node.rows.iter().map(|&[primary, secondary]| [primary, secondary, NO_BACKEND, NO_BACKEND]),
        );
        RowKey { seed: node.view.generation.seed, partial: false }
    }

    fn open(&mut self, scenario: &Scenario, forwarder: usize, flow: usize, now: Duration) -> Option<Backend> {
        self.packet(scenario, forwarder, flow, now).iter().next()
    }

    fn packet(&mut self, scenario: &Scenario, forwarder: usize, flow: usize, _now: Duration) -> Hops {
        let Some(node) = self.nodes.get(&forwarder) else { return Hops::default() };
        let [primary, secondary] = node.rows[scenario.slot(flow, node.view.generation.seed)];
        let present = |backend: u16| (backend != NO_BACKEND).then_some(Backend(backend));
        if primary == NO_BACKEND {
            return Hops::default();
        }
        Hops::of([present(primary), present(secondary)])
    }
}
