//! What clients did and saw, and whether a store that loses nothing can have done that.
//!
//! Every write gives its object a value that no other write gives, so that each event can be told to belong to one write. The
//! server may be killed at any time: a write without an answer may have happened or not, one with an answer has.

use std::collections::{BTreeMap, HashMap};

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The object shall have this value, which is no other's.
    Put(u64),
    /// The object shall be gone.
    Delete,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done; with the revision when the answer has one.
    Acknowledged(Option<u64>),
    /// Refused: not done.
    Refused,
    /// There was no answer.
    Unknown,
}

/// A request of a client.
#[derive(Clone, Debug)]
pub struct Op {
    /// Name of the object.
    pub key: String,
    /// What was asked for.
    pub ask: Ask,
    /// When it was sent, on the one clock of all clients.
    pub sent: u64,
    /// When the answer came.
    pub answered: u64,
    /// How it went.
    pub outcome: Outcome,
}

/// What a watcher saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The revision of the change.
    pub revision: u64,
    /// Name of the object.
    pub key: String,
    /// Its value, `None` when it was deleted.
    pub value: Option<u64>,
}

/// Everything that is wrong with a history: `seen` is one watch from before the first write until after the last one, `end` the
/// objects that are listed then.
#[must_use]
pub fn check(ops: &[Op], seen: &[Seen], end: &BTreeMap<String, u64>) -> Vec<String> {
    let mut wrong = Vec::new();
    for pair in seen.windows(2) {
        if pair[1].revision <= pair[0].revision {
            wrong.push(format!("the watch goes from {:?} to {:?}", pair[0], pair[1]));
        }
    }
    let mut events: HashMap<u64, &Seen> = HashMap::new();
    for event in seen {
        if let Some(twice) = event.value.and_then(|value| events.insert(value, event)) {
            wrong.push(format!("{event:?} was seen before: {twice:?}"));
        }
    }
    let writes: HashMap<u64, &Op> = ops
        .iter()
        .filter_map(|op| match op.ask {
            Ask::Put(value) => Some((value, op)),
            Ask::Delete => None,
        })
        .collect();
    for event in seen {
        let Some(value) = event.value else { continue };
        match writes.get(&value) {
            Some(op) if op.key == event.key && op.outcome != Outcome::Refused => {}
            Some(op) => wrong.push(format!("{event:?} was seen, but {op:?}")),
            None => wrong.push(format!("{event:?} was seen, and nobody wrote it")),
        }
    }
    for op in ops {
        let (Ask::Put(value), Outcome::Acknowledged(revision)) = (&op.ask, op.outcome) else { continue };
        match events.get(value) {
            None => wrong.push(format!("lost: {op:?}")),
            Some(event) if revision.is_some_and(|revision| revision != event.revision) => {
                wrong.push(format!("{op:?} was seen as {event:?}"));
            }
            Some(_) => {}
        }
    }
    wrong.extend(deletions(ops, seen));
    wrong.extend(order(ops, &events));
    let mut state = BTreeMap::new();
    for event in seen {
        match event.value {
            Some(value) => state.extend([(event.key.clone(), value)]),
            None if state.remove(&event.key).is_none() => {
                wrong.push(format!("{event:?}, but there was nothing"));
            }
            None => {}
        }
    }
    if state != *end {
        wrong.push(format!("the events lead to {state:?}, the list is {end:?}"));
    }
    wrong
}

/// Objects are not deleted more often than they were asked to, and as often as it was acknowledged.
fn deletions(ops: &[Op], seen: &[Seen]) -> Vec<String> {
    let mut asked: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for op in ops.iter().filter(|op| op.ask == Ask::Delete) {
        let (sure, possible) = asked.entry(&op.key).or_default();
        *sure += usize::from(matches!(op.outcome, Outcome::Acknowledged(_)));
        *possible += usize::from(op.outcome != Outcome::Refused);
    }
    let mut done: BTreeMap<&str, usize> = BTreeMap::new();
    for event in seen.iter().filter(|event| event.value.is_none()) {
        *done.entry(&event.key).or_default() += 1;
    }
    let keys: std::collections::BTreeSet<&str> = asked.keys().chain(done.keys()).copied().collect();
    keys.into_iter()
        .filter_map(|key| {
            let (sure, possible) = asked.get(key).copied().unwrap_or_default();
            let done = done.get(key).copied().unwrap_or(0);
            (done < sure || done > possible)
                .then(|| format!("{key} was deleted {done} times, acknowledged {sure}, asked for {possible}"))
        })
        .collect()
}

/// What was acknowledged before something else was sent has a smaller revision than that.
fn order(ops: &[Op], events: &HashMap<u64, &Seen>) -> Vec<String> {
    let mut timed: Vec<(u64, u64, u64, &Op)> = ops
        .iter()
        .filter_map(|op| {
            let Ask::Put(value) = op.ask else { return None };
            let revision = events.get(&value)?.revision;
            let answered = match op.outcome {
                Outcome::Acknowledged(_) => op.answered,
                // It may happen at any time after it was sent, also when nobody waits for it any more.
                _ => u64::MAX,
            };
            Some((op.sent, answered, revision, op))
        })
        .collect();
    timed.sort_unstable_by_key(|(sent, ..)| *sent);
    let mut answers: Vec<(u64, u64, &Op)> =
        timed.iter().map(|(_, answered, revision, op)| (*answered, *revision, *op)).collect();
    answers.sort_unstable_by_key(|(answered, ..)| *answered);
    let mut wrong = Vec::new();
    let mut latest: Option<(u64, &Op)> = None;
    let mut at = 0;
    for (sent, _, revision, op) in timed {
        while let Some((answered, before, by)) = answers.get(at).filter(|(answered, ..)| *answered < sent) {
            debug_assert!(*answered < sent);
            if latest.is_none_or(|(revision, _)| revision < *before) {
                latest = Some((*before, by));
            }
            at += 1;
        }
        if let Some((before, by)) = latest.filter(|(before, _)| *before >= revision) {
            wrong.push(format!(
                "{op:?} has revision {revision}, {by:?} was answered before it and has {before}"
            ));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(key: &str, ask: Ask, sent: u64, answered: u64, outcome: Outcome) -> Op {
        Op { key: key.into(), ask, sent, answered, outcome }
    }

    fn seen(revision: u64, key: &str, value: Option<u64>) -> Seen {
        Seen { revision, key: key.into(), value }
    }

    fn good() -> (Vec<Op>, Vec<Seen>, BTreeMap<String, u64>) {
        let ops = vec![
            op("a", Ask::Put(1), 1, 2, Outcome::Acknowledged(Some(10))),
            op("b", Ask::Put(2), 3, 4, Outcome::Unknown),
            op("a", Ask::Put(3), 5, 6, Outcome::Acknowledged(Some(12))),
            op("b", Ask::Delete, 7, 8, Outcome::Acknowledged(None)),
            op("a", Ask::Put(4), 9, 10, Outcome::Refused),
        ];
        let events =
            vec![seen(10, "a", Some(1)), seen(11, "b", Some(2)), seen(12, "a", Some(3)), seen(13, "b", None)];
        (ops, events, BTreeMap::from([("a".into(), 3)]))
    }

    #[test]
    fn a_good_history_is_good() {
        let (ops, seen, end) = good();
        assert_eq!(check(&ops, &seen, &end), Vec::<String>::new());
    }

    #[test]
    fn what_is_wrong_is_found() {
        type Change = fn(&mut Vec<Op>, &mut Vec<Seen>, &mut BTreeMap<String, u64>);
        let cases: [(&str, Change); 9] = [
            ("lost", |_, seen, _| drop(seen.remove(0))),
            ("was seen as", |_, seen, _| seen[0].revision = 9),
            ("the watch goes", |_, seen, _| seen.swap(0, 1)),
            ("was seen before", |_, seen, _| seen.insert(1, Seen { revision: 11, ..seen[0].clone() })),
            ("nobody wrote it", |_, seen, _| seen[1].value = Some(99)),
            ("Refused", |_, seen, _| seen.push(Seen { revision: 14, key: "a".into(), value: Some(4) })),
            ("the list is", |_, _, end| end.extend([("a".into(), 1)])),
            ("was deleted 0 times", |_, seen, _| drop(seen.pop())),
            ("was answered before it", |ops, _, _| {
                ops[0].sent = 20;
                ops[0].answered = 21;
            }),
        ];
        for (words, change) in cases {
            let (mut ops, mut events, mut end) = good();
            change(&mut ops, &mut events, &mut end);
            let wrong = check(&ops, &events, &end);
            assert!(wrong.iter().any(|text| text.contains(words)), "{words}: {wrong:?}");
        }
    }
}
