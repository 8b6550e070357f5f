//! Two cores against each other over a wire of bytes, with virtual time and no sockets.

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use guideway_bgp_wire::{Frame, Message, frame};
use ipnet::IpNet;

use super::{config, secs};
use crate::{Action, Cause, Config, Event, HoldTime, Jitter, NextHop, Session, State, Stop};

/// One end: a session, what it still has to read, and what it learned from the other one.
struct End {
    session: Session,
    address: IpAddr,
    inbox: VecDeque<u8>,
    routes: BTreeSet<IpNet>,
    causes: Vec<Cause>,
    ended: usize,
}

impl End {
    fn new(config: Config, address: &str) -> Self {
        Self {
            session: Session::new(config),
            address: address.parse().unwrap(),
            inbox: VecDeque::new(),
            routes: BTreeSet::new(),
            causes: Vec::new(),
            ended: 0,
        }
    }

    /// A message of the peer, if a whole one is there.
    fn read(&mut self) -> Option<Event> {
        let bytes = self.inbox.make_contiguous();
        match frame(bytes) {
            Ok(Frame::Incomplete) => None,
            Ok(Frame::Complete { length }) => {
                let message: Vec<u8> = self.inbox.drain(..length).collect();
                let read = Message::decode(&message, &self.session.context());
                Some(read.map_or_else(Event::Malformed, Event::Received))
            }
            Err(error) => Some(Event::Malformed(error)),
        }
    }

    fn learn(&mut self, event: &Event) {
        let Event::Received(Message::Update(update)) = event else { return };
        self.ended += usize::from(update.ends_rib_of().is_some());
        self.routes.extend(update.nlri.iter().copied().map(IpNet::from));
        for prefix in &update.withdrawn {
            self.routes.remove(&IpNet::from(*prefix));
        }
    }
}

/// The first end dials, the second one only takes connections.
struct Pair {
    ends: [End; 2],
    now: Instant,
    connected: bool,
    reachable: bool,
    /// Bytes vanish, as behind a broken link.
    lossy: bool,
}

impl Pair {
    fn new(first: Config, second: Config) -> Self {
        let ends = [End::new(first, "10.1.1.2"), End::new(second, "10.1.1.1")];
        Self { ends, now: Instant::now(), connected: false, reachable: true, lossy: false }
    }

    fn put(&mut self, end: usize, event: Event) {
        self.ends[end].learn(&event);
        let actions = self.ends[end].session.handle(event, self.now, Jitter::NONE);
        for action in actions {
            match action {
                Action::Connect
                    if end == 0 && self.reachable && self.ends[1].session.state() == State::Active =>
                {
                    self.connected = true;
                    for end in [0, 1] {
                        let local = self.ends[end].address;
                        self.put(end, Event::Connected { local });
                    }
                }
                Action::Connect => self.put(end, Event::ConnectFailed("refused".to_owned())),
                Action::Disconnect => self.disconnect(end),
                Action::Send(message) => self.send(end, &message),
                Action::Up(_) => {}
                Action::Down(cause) => self.ends[end].causes.push(cause),
            }
        }
    }

    fn send(&mut self, from: usize, message: &Message) {
        let bytes = message.encode(&self.ends[from].session.context()).unwrap();
        if self.connected && !self.lossy {
            self.ends[1 - from].inbox.extend(bytes);
        }
    }

    /// The other end still reads what is on the way, then sees the end of the stream.
    fn disconnect(&mut self, end: usize) {
        if std::mem::take(&mut self.connected) && !self.lossy {
            while let Some(event) = self.ends[1 - end].read() {
                self.put(1 - end, event);
            }
            self.put(1 - end, Event::Closed("closed by the peer".to_owned()));
        }
        self.ends.iter_mut().for_each(|end| end.inbox.clear());
    }

    /// Delivers until nothing moves.
    fn settle(&mut self) {
        loop {
            let mut moved = false;
            for end in [0, 1] {
                while let Some(update) = self.ends[end].session.poll_update(self.now) {
                    self.send(end, &update);
                }
                while let Some(event) = self.ends[end].read() {
                    moved = true;
                    self.put(end, event);
                }
            }
            if !moved {
                return;
            }
        }
    }

    /// Lets virtual time go on from timer to timer.
    fn run(&mut self, time: Duration) {
        let until = self.now + time;
        self.settle();
        loop {
            let due = self.ends.iter().filter_map(|end| end.session.poll_timeout()).min();
            let Some(at) = due.filter(|at| *at <= until) else { break };
            self.now = self.now.max(at);
            for end in [0, 1] {
                self.put(end, Event::Timeout);
            }
            self.settle();
        }
        self.now = until;
    }

    fn states(&self) -> [State; 2] {
        [self.ends[0].session.state(), self.ends[1].session.state()]
    }
}

fn vips(count: u32) -> BTreeSet<IpNet> {
    (0..count).map(|n| IpNet::from(IpAddr::from(Ipv4Addr::from(0xcb00_0000 + n)))).collect()
}

fn started() -> Pair {
    let second = Config {
        local_as: 65000,
        remote_as: 65001,
        router_id: Ipv4Addr::new(10, 255, 0, 1),
        hold_time: HoldTime::from_secs(90).unwrap(),
        ipv4: Some(NextHop::Session),
        ipv6: None,
        ..config()
    };
    let mut pair = Pair::new(config(), second);
    pair.put(1, Event::Start);
    pair.put(0, Event::Start);
    pair
}

#[test]
fn they_establish_exchange_and_stay() {
    let mut pair = started();
    pair.ends[0].session.set_prefixes(vips(10_000));
    pair.run(secs(3600));
    assert_eq!(pair.states(), [State::Established; 2]);
    assert_eq!(pair.ends[1].routes, vips(10_000));
    assert_eq!(pair.ends.each_ref().map(|end| end.ended), [1, 1], "one End-of-RIB for the one common family");
    assert!(pair.ends[0].causes.is_empty(), "{:?}", pair.ends[0].causes);
    assert_eq!(pair.ends[1].session.negotiated().unwrap().hold_time, secs(9));

    pair.ends[0].session.set_prefixes(vips(3));
    pair.run(secs(1));
    assert_eq!(pair.ends[1].routes, vips(3));
}

#[test]
fn a_shutdown_reaches_the_other_end() {
    let mut pair = started();
    pair.run(secs(60));
    pair.put(0, Event::Stop(Stop::Shutdown("maintenance".to_owned())));
    assert_eq!(pair.states()[0], State::Idle);
    let Some(Cause::Received(notification)) = pair.ends[1].causes.last() else {
        panic!("{:?}", pair.ends[1].causes)
    };
    assert_eq!(notification.communication().as_deref(), Some("maintenance"));
    pair.run(secs(600));
    assert_eq!(pair.states()[0], State::Idle, "it stays down");
}

#[test]
fn a_silent_loss_is_found_by_the_hold_timer_and_heals() {
    let mut pair = started();
    pair.ends[0].session.set_prefixes(vips(5));
    pair.run(secs(60));
    (pair.lossy, pair.reachable) = (true, false);
    pair.run(secs(10));
    for end in &pair.ends {
        assert!(
            matches!(end.causes.last(), Some(Cause::Sent { notification, .. } | Cause::Received(notification)) if notification.code == 4)
                || matches!(end.causes.last(), Some(Cause::ConnectFailed(_))),
            "{:?}",
            end.causes
        );
        assert!(!matches!(end.session.state(), State::Established));
    }
    (pair.lossy, pair.reachable) = (false, true);
    pair.ends[1].routes.clear();
    pair.run(secs(120));
    assert_eq!(pair.states(), [State::Established; 2]);
    assert_eq!(pair.ends[1].routes, vips(5));
}

#[test]
fn an_unreachable_peer_is_tried_again_until_it_is_there() {
    let mut pair = started();
    pair.reachable = false;
    pair.put(0, Event::Stop(Stop::Deconfigured));
    pair.put(0, Event::Start);
    pair.run(secs(300));
    assert_ne!(pair.states()[0], State::Established);
    pair.reachable = true;
    pair.run(secs(80));
    assert_eq!(pair.states(), [State::Established; 2]);
}
