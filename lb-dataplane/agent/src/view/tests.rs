use super::*;

/// Counts that can be told apart.
#[derive(Debug, Default)]
pub(crate) struct Numbered {
    marks: std::sync::atomic::AtomicBool,
}

impl Numbered {
    pub(crate) fn marks(&self) -> bool {
        self.marks.load(std::sync::atomic::Ordering::Relaxed)
    }
}

impl Counts for Numbered {
    fn vips(&self) -> io::Result<Vec<TrafficStats>> {
        Ok((0..8).map(|index| TrafficStats { packets: 1000 + index, bytes: 100_000 + index }).collect())
    }

    fn backends(&self) -> io::Result<Vec<TrafficStats>> {
        Ok((0..8).map(|index| TrafficStats { packets: 2000 + index, bytes: 200_000 + index }).collect())
    }

    fn packets(&self) -> io::Result<Vec<(Counter, u64)>> {
        Ok(Counter::ALL.iter().map(|counter| (*counter, 3000 + u64::from(counter.index()))).collect())
    }

    fn mark_flows(&self, on: bool) {
        self.marks.store(on, std::sync::atomic::Ordering::Relaxed);
    }

    fn flow_marks(&self) -> u32 {
        17
    }
}

/// One VIP, a checked and an unchecked set, one interface.
pub(crate) fn sample() -> View {
    let probe = |health| {
        let status =
            ProbeStatus { health, outlook: health, since: None, detail: "connection refused".to_owned() };
        Some(watch::Sender::new(status).subscribe())
    };
    let backend = |name: &str, address: &str, probe, index| BackendView {
        name: name.to_owned(),
        address: address.parse().unwrap(),
        weight: 1,
        probe,
        index,
        slots: 5,
        leaving: false,
    };
    View {
        config_path: "/etc/guideway/dataplane.yaml".to_owned(),
        pin_root: "/sys/fs/bpf/guideway".to_owned(),
        generation: 7,
        digest: 0xabcd,
        program_tag: "0123456789abcdef".to_owned(),
        interfaces: vec![InterfaceView {
            name: "up0".to_owned(),
            ifindex: 2,
            mode: "native",
            attached: true,
            since: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(9)),
            capacity: Some(1_250_000_000),
            problem: None,
        }],
        last_reload: Some(Reload { at: SystemTime::UNIX_EPOCH, errors: Vec::new() }),
        apply_error: None,
        vips: vec![VipView {
            name: "web-v4".to_owned(),
            address: "203.0.113.10/32".parse().unwrap(),
            ports: Ports::One(80),
            protocol: "tcp",
            affinity: "client_ip",
            affinity_timeout: Some(Duration::from_secs(60)),
            flow_entries: 1024,
            sources: vec!["198.51.100.0/24".parse().unwrap()],
            set: 0,
            index: Some(3),
            served: true,
            announced: true,
            announce: Announce::BY_BGP,
        }],
        sets: vec![SetView {
            name: "web".to_owned(),
            table_size: 65_537,
            encapsulation: "gue",
            second_hop: true,
            drain_window: Duration::from_secs(600),
            served: true,
            recovers: false,
            unsettled: 12,
            held: 3,
            at_risk: 0,
            settles_at: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1000)),
            backends: vec![
                backend("be1", "10.1.11.2", probe(Some(Health::Healthy)), Some(1)),
                backend("be2", "10.1.12.2", probe(Some(Health::Unhealthy)), Some(2)),
                backend("be3", "10.1.13.2", probe(None), None),
                backend("be4", "10.1.14.2", None, Some(4)),
            ],
            leaving: vec![BackendView {
                leaving: true,
                slots: 0,
                ..backend("be0", "10.1.10.2", None, Some(5))
            }],
        }],
        leaving: Vec::new(),
        limits: vec![LimitView { name: "vips", used: 1, capacity: 4096 }],
        started: true,
        installed: None,
        history: vec![PastView {
            generation: 7,
            digest: 0xabcd,
            at_unix_ms: 5000,
            summary: "1 VIP".to_owned(),
            in_force: true,
        }],
        rolled_back_to: None,
        controller: None,
        fence: None,
    }
}

#[test]
fn reasons() {
    let view = sample();
    let set = &view.sets[0];
    let with = |served, announced| VipView { served, announced, ..view.vips[0].clone() };
    assert_eq!(with(true, true).reason(set), "");
    assert_eq!(with(true, false).reason(set), "not every interface can serve, see the status");
    assert_eq!(with(false, false).reason(set), "no backend is healthy, 1 not yet checked");
    assert_eq!(with(false, false).reason(&SetView::default()), "the backend set \"\" is empty");
    assert_eq!((set.healthy(), view.backend_totals()), (2, (4, 2)));
}

#[test]
fn states_of_backends() {
    let view = sample();
    let states: Vec<&str> = view.sets[0].backends.iter().map(BackendView::state).collect();
    assert_eq!(states, ["serving", "dead", "dead", "serving"]);
    let drained = BackendView { weight: 0, ..view.sets[0].backends[0].clone() };
    assert_eq!(drained.state(), "draining");
    // A leaving one counts as healthy until its probe says otherwise.
    let leaving = |place: usize| BackendView { leaving: true, ..view.sets[0].backends[place].clone() };
    assert_eq!(
        [0, 1, 2, 3].map(|place| leaving(place).state()),
        ["draining", "dead", "draining", "draining"]
    );
}

#[test]
fn addresses_as_people_write_them() {
    let text = |text: &str| address_text(&text.parse().unwrap());
    assert_eq!(text("203.0.113.10/32"), "203.0.113.10");
    assert_eq!(text("203.0.113.128/25"), "203.0.113.128/25");
    assert_eq!(text("2001:db8::1/128"), "2001:db8::1");
}

#[test]
fn ready_needs_a_generation_and_every_interface() {
    let mut view = sample();
    assert!(view.is_ready());
    view.interfaces[0].problem = Some("no such interface".to_owned());
    assert!(!view.is_ready());
    assert!(!view.can_announce(), "it exists");
    view.interfaces.push(InterfaceView {
        name: "up1".to_owned(),
        ifindex: 3,
        mode: "native",
        attached: true,
        since: None,
        capacity: None,
        problem: None,
    });
    view.interfaces[0].ifindex = 0;
    assert!(view.can_announce(), "no packets come in by an interface that does not exist");
    view.interfaces.pop();
    assert!(!view.can_announce());
    view = View { started: false, ..sample() };
    assert!(!view.is_ready());
    assert!(!View::default().is_ready());
}
