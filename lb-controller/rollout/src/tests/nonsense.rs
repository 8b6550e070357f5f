//! Any event in any state.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use guideway_controller_core::message::{Cost, FromForwarder, Hello, PastSet, Standing, ToForwarder};
use guideway_controller_core::{Budget, Delta, Generation, Term, diff};
use proptest::prelude::*;

use super::bed::{content, name};
use crate::coordinator::{self, Action as Told};
use crate::follower::{self, Action as Asked, Found, Kept};
use crate::{
    ConnectionId, Coordinator, Follower, FollowerSettings, Record, RequestId, Settings, Stamp, Stored,
    Version, WriteFault,
};

fn stamp(number: u8) -> Stamp {
    let digest = content(&format!("{}", number % 3), "aab").digest();
    Stamp { generation: Generation((number % 5).into()), digest }
}

fn standing(number: u8) -> Standing {
    Standing {
        committed: (!number.is_multiple_of(3)).then(|| stamp(number).into()),
        prepared: (!number.is_multiple_of(4)).then(|| stamp(number / 2).into()),
        highest_term: Term((number % 4).into()),
        fenced: number.is_multiple_of(2),
    }
}

fn from_forwarder(kind: u8, number: u8) -> FromForwarder {
    let Stamp { generation, digest } = stamp(number);
    match kind % 8 {
        0 => FromForwarder::Prepared { generation, digest, cost: Cost::default() },
        1 => FromForwarder::Refused { generation, errors: vec!["no".to_owned()] },
        2 => FromForwarder::Committed { generation, digest, installed: 3 },
        3 => FromForwarder::Missing { generation },
        4 => FromForwarder::Fenced { generation, reason: String::new() },
        5 => FromForwarder::Stale { highest: Term((number % 4).into()) },
        6 => {
            let whole = Arc::new(Delta::whole(&content(&format!("{}", number % 3), "aab")));
            FromForwarder::Content { generation, content: (number > 99).then_some(whole) }
        }
        _ => FromForwarder::Keepalive(standing(number)),
    }
}

fn to_forwarder(kind: u8, number: u8) -> ToForwarder {
    let (term, Stamp { generation, digest }) = (Term((number % 4).into()), stamp(number));
    let [one, two] = [number % 3, number / 3 % 3].map(|pool| content(&pool.to_string(), "aab"));
    match kind % 9 {
        0 => ToForwarder::Prepare { term, generation, delta: Arc::new(Delta::whole(&one)) },
        1 => ToForwarder::Prepare { term, generation, delta: Arc::new(diff(&one, &two)) },
        2 => ToForwarder::Commit { term, generation, digest },
        3 => ToForwarder::Abort { term, generation },
        4 => ToForwarder::Fence { term, generation, reason: String::new() },
        5 => ToForwarder::SendContent { term, generation },
        6 => {
            ToForwarder::Touch { term, silence: Duration::from_secs(number.into()), relays: BTreeSet::new() }
        }
        7 => {
            let ago = Duration::from_secs(number.into());
            let past = one.sets().values().map(|set| PastSet {
                set: Arc::clone(set),
                unhealthy: Vec::new(),
                seed: *one.seed(),
                ago,
            });
            ToForwarder::Past { term, sets: Arc::new(past.collect()) }
        }
        _ => ToForwarder::Keepalive { term },
    }
}

fn event_of_leader(kind: u8, number: u8) -> coordinator::Event {
    use coordinator::Event;
    let (forwarder, connection) = (name((number % 3).into()), ConnectionId((number % 5).into()));
    let request = RequestId((number % 8).into());
    let record = Record {
        term: Term((number % 4).into()),
        leader: if number > 100 { "me" } else { "other" }.to_owned(),
        proposed: Generation((number % 6).into()),
        committed: (number > 50).then(|| stamp(number)),
        rolled_back_to: number.is_multiple_of(7).then_some(Generation(1)),
    };
    let version = Some(Version(number.to_string()));
    match kind % 15 {
        0 => Event::BecameLeader,
        1 if number > 200 => Event::LostLeadership,
        1 | 2 => Event::RecordRead { request, result: Ok(Stored { record: Some(record), version }) },
        3 => Event::RecordRead { request, result: Err("down".to_owned()) },
        4 => Event::RecordWritten { request, result: Ok(Version("9".to_owned())) },
        5 => Event::RecordWritten { request, result: Err(WriteFault::Conflict) },
        6 => Event::RecordWritten { request, result: Err(WriteFault::Unknown(String::new())) },
        7 => Event::Desired(content(&number.to_string(), ["aaa", "abb"][usize::from(number % 2)])),
        8 => {
            let hello = Hello { standing: standing(number), ..Hello::default() };
            Event::Connected { forwarder, connection, hello, time_of_day: SystemTime::UNIX_EPOCH }
        }
        9 => Event::Disconnected { forwarder, connection },
        10 => Event::Approve { generation: Generation((number % 8).into()) },
        11 => Event::Rollback { generation: Generation((number % 8).into()) },
        12 => Event::Resume,
        13 => Event::Look { generation: Generation((number % 8).into()) },
        _ => Event::Received { forwarder, connection, message: from_forwarder(kind / 15, number) },
    }
}

fn event_of_follower(kind: u8, number: u8) -> follower::Event {
    use follower::Event;
    let (connection, stamp) = (ConnectionId((number % 3).into()), stamp(number));
    let kept = Kept { highest_term: Term(1), known: stamp.generation, committed: Some(stamp) };
    let error = "no".to_owned();
    match kind % 10 {
        0 => Event::Start,
        1 => Event::Connected { connection, hello: Hello::default() },
        2 => Event::Disconnected { connection },
        3 if number > 128 => Event::Prepared { stamp, result: Err(vec![error]) },
        3 => Event::Prepared { stamp, result: Ok(Cost::default()) },
        4 if number > 128 => Event::Kept { result: Err(error) },
        4 => Event::Kept { result: Ok(kept) },
        5 if number > 128 => Event::Installed { stamp, result: Err(error) },
        5 => Event::Installed { stamp, result: Ok(1) },
        6 => Event::Fetched { generation: stamp.generation, content: None },
        7 => Event::Timeout,
        _ => Event::Received { connection, message: to_forwarder(kind / 10, number) },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A leader never asks two things of the store at once, and never promises to come back for what is past.
    #[test]
    fn a_leader_takes_anything(events in prop::collection::vec((any::<u8>(), any::<u8>(), 0..3000_u64), 1..120)) {
        let budget = Budget { moved_permille: 1000, disturbed: 1 };
        let mut leader = Coordinator::new(Settings::new("me".to_owned(), budget));
        let mut now = Instant::now();
        let mut asked = 0_i32;
        for (kind, number, time) in events {
            now += Duration::from_millis(time);
            let mut actions = leader.handle(coordinator::Event::Timeout, now);
            actions.extend(leader.handle(event_of_leader(kind, number), now));
            prop_assert!(leader.poll_timeout().is_none_or(|at| at > now));
            let requests = actions.iter().filter(|action| {
                matches!(action, Told::ReadRecord { .. } | Told::WriteRecord { .. })
            });
            asked = i32::try_from(requests.count()).unwrap();
            prop_assert!(asked <= 2);
            let _ = leader.state();
        }
        let _ = asked;
    }

    /// Whatever a forwarder is told, what it is about to serve has ever higher numbers, and is kept before it is installed.
    #[test]
    fn a_forwarder_takes_anything(events in prop::collection::vec((any::<u8>(), any::<u8>(), 0..3000_u64), 1..150)) {
        let mut forwarder = Follower::new(FollowerSettings::default(), Found::default());
        let mut now = Instant::now();
        let (mut term, mut known, mut served) = (Term(0), Generation(0), Generation(0));
        let mut keeping = None;
        for (kind, number, time) in events {
            now += Duration::from_millis(time);
            let event = match keeping.take_if(|_| kind % 3 == 0) {
                Some(kept) => follower::Event::Kept { result: Ok(kept) },
                None => event_of_follower(kind, number),
            };
            let mut actions = forwarder.handle(event, now);
            actions.extend(forwarder.handle(follower::Event::Timeout, now));
            prop_assert!(forwarder.poll_timeout().is_none_or(|at| at > now), "{:?}", forwarder);
            let kept = forwarder.kept();
            let committed = kept.committed.map_or(Generation::NONE, |stamp| stamp.generation);
            prop_assert!(kept.highest_term >= term && kept.known >= known && committed >= served);
            (term, known, served) = (kept.highest_term, kept.known, committed);
            for action in actions {
                match action {
                    Asked::Keep(kept) => keeping = Some(kept),
                    Asked::Install { stamp, content } => prop_assert_eq!(stamp.digest, content.digest()),
                    Asked::Announce(stamp) => prop_assert!(stamp.generation >= known),
                    _ => {}
                }
            }
        }
    }
}
