//! Endpoints that are in no slice any more: the flows that they have go on for the drain window of their Service. Pure.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use guideway_bpf::{Service, ServiceKey, ServicePort};

use super::services::Projection;

/// What left, and what may.
#[derive(Clone, Debug)]
pub(crate) struct Leaving {
    /// Services at the last look.
    last: BTreeMap<ServiceKey, Service>,
    /// Of those that left: where their packets go, and until when.
    left: BTreeMap<ServiceKey, (SocketAddr, Instant)>,
    /// Services at most.
    max: usize,
}

impl Leaving {
    /// At the first look `installed` counts as what was there before, so that a restart ends no flow. What was about to leave
    /// then gets another whole window.
    pub(crate) fn new(installed: BTreeMap<ServiceKey, Service>, max: usize) -> Self {
        Self { last: installed, left: BTreeMap::new(), max }
    }

    /// The services of `found` with those of endpoints that left, and how many of these had to be forgotten before their
    /// time, the ones that would have ended first. An endpoint is looked after as long as its Service has the port.
    pub(crate) fn follow(
        &mut self,
        found: &Projection,
        now: Instant,
    ) -> (BTreeMap<ServiceKey, Service>, usize) {
        let window = |key: &ServiceKey| match key.port {
            ServicePort::PortBy(transport, port, _) => {
                found.windows.get(&(key.vip, transport, port)).copied()
            }
            ServicePort::Any | ServicePort::Port(..) => None,
        };
        let before = std::mem::replace(&mut self.last, found.services.clone());
        for (key, service) in before {
            if let (Service::Translate(target) | Service::Drain(target), Some(window)) =
                (service, window(&key))
            {
                self.left.entry(key).or_insert((target, now + window));
            }
        }
        self.left.retain(|key, (_, until)| {
            !found.services.contains_key(key) && *until > now && window(key).is_some()
        });
        let too_many = (found.services.len() + self.left.len()).saturating_sub(self.max);
        if too_many > 0 {
            let mut ends: Vec<(Instant, ServiceKey)> =
                self.left.iter().map(|(key, (_, until))| (*until, *key)).collect();
            ends.sort_unstable();
            for (_, key) in &ends[..too_many.min(ends.len())] {
                self.left.remove(key);
            }
        }
        let left = self.left.iter().map(|(key, (target, _))| (*key, Service::Drain(*target)));
        (found.services.iter().map(|(key, service)| (*key, *service)).chain(left).collect(), too_many)
    }

    /// When the next one's time is over.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.left.values().map(|(_, until)| *until).min()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use guideway_bpf::Transport;

    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    fn key(pod: u8) -> ServiceKey {
        let outer = [10, 244, 1, pod].into();
        ServiceKey { vip: [203, 0, 113, 9].into(), port: ServicePort::PortBy(Transport::Tcp, 80, outer) }
    }

    fn target(pod: u8) -> SocketAddr {
        SocketAddr::new([10, 244, 1, pod].into(), 8080)
    }

    fn projection(pods: &[u8]) -> Projection {
        Projection {
            services: pods.iter().map(|pod| (key(*pod), Service::Translate(target(*pod)))).collect(),
            windows: [((key(0).vip, Transport::Tcp, 80), WINDOW)].into(),
        }
    }

    fn expected(there: &[u8], leaving: &[u8]) -> BTreeMap<ServiceKey, Service> {
        let leaving = leaving.iter().map(|pod| (key(*pod), Service::Drain(target(*pod))));
        projection(there).services.into_iter().chain(leaving).collect()
    }

    #[test]
    fn what_left_drains_for_its_window() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut leaving = Leaving::new(BTreeMap::new(), 10);
        let mut look = |pods: &[u8], seconds| {
            let (services, forgotten) = leaving.follow(&projection(pods), at(seconds));
            assert_eq!(forgotten, 0);
            (services, leaving.next())
        };
        assert_eq!(look(&[1, 2], 0), (expected(&[1, 2], &[]), None));
        assert_eq!(look(&[2], 1), (expected(&[2], &[1]), Some(at(61))));
        assert_eq!(look(&[], 11), (expected(&[], &[1, 2]), Some(at(61))));
        // One comes back, and leaves again: its window begins anew.
        assert_eq!(look(&[1], 21), (expected(&[1], &[2]), Some(at(71))));
        assert_eq!(look(&[], 31), (expected(&[], &[1, 2]), Some(at(71))));
        assert_eq!(look(&[], 71), (expected(&[], &[1]), Some(at(91))));
        assert_eq!(look(&[], 91), (expected(&[], &[]), None));
    }

    #[test]
    fn a_restart_ends_no_flow() {
        let installed = expected(&[1], &[2]);
        let mut leaving = Leaving::new(installed, 10);
        assert_eq!(leaving.follow(&projection(&[3]), Instant::now()).0, expected(&[3], &[1, 2]));
    }

    #[test]
    fn a_service_that_is_gone_takes_its_endpoints_along() {
        let mut leaving = Leaving::new(expected(&[1], &[]), 10);
        let now = Instant::now();
        assert_eq!(leaving.follow(&projection(&[]), now).0, expected(&[], &[1]));
        assert!(leaving.follow(&Projection::default(), now).0.is_empty());
        assert!(leaving.follow(&projection(&[]), now).0.is_empty());
    }

    #[test]
    fn those_that_leave_take_nobodys_room() {
        let mut leaving = Leaving::new(expected(&[1, 2, 3], &[]), 3);
        let now = Instant::now();
        assert_eq!(leaving.follow(&projection(&[2, 3]), now), (expected(&[2, 3], &[1]), 0));
        let later = now + Duration::from_secs(1);
        assert_eq!(leaving.follow(&projection(&[3, 4]), later), (expected(&[3, 4], &[2]), 1));
        assert_eq!(leaving.follow(&projection(&[3, 4, 5]), later), (expected(&[3, 4, 5], &[]), 1));
    }
}
