//! The smallest history that still shows something.

use std::time::Duration;

use crate::history::{Event, History};

/// Leaves out of `history` what it can while `shows` holds for the rest.
#[must_use]
pub fn shrink(history: &History, shows: impl Fn(&History) -> bool) -> History {
    let mut best = history.clone();
    loop {
        let Some(smaller) = smaller(&best).into_iter().find(|candidate| shows(candidate)) else {
            return best;
        };
        best = smaller;
    }
}

/// Histories that are one step smaller, the greatest steps first.
fn smaller(history: &History) -> Vec<History> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut History)| {
        let mut candidate = history.clone();
        change(&mut candidate);
        if candidate != *history {
            all.push(candidate);
        }
    };
    for index in 0..history.events.len() {
        with(&|candidate| {
            candidate.events.remove(index);
        });
    }
    for index in 0..history.backends.len().saturating_sub(1) {
        with(&|candidate| {
            candidate.backends.remove(index);
        });
    }
    with(&|candidate| candidate.forwarders = candidate.forwarders.saturating_sub(1).max(1));
    with(&|candidate| candidate.backends.fill(1));
    for index in 0..history.events.len() {
        with(&|candidate| simplify(&mut candidate.events[index].event));
        // Whole seconds are easier to read.
        with(&|candidate| {
            let at = &mut candidate.events[index].at;
            *at = Duration::from_secs(at.as_secs());
            candidate.events.sort_by_key(|timed| timed.at);
        });
        with(&|candidate| candidate.events[index].jitter %= 8);
    }
    all
}

fn simplify(event: &mut Event) {
    match event {
        Event::AddBackend { weight } => *weight = 1,
        Event::RemoveBackend { pick } | Event::RemoveForwarder { pick } => *pick %= 8,
        Event::Reweight { pick, weight } => {
            *pick %= 8;
            *weight = (*weight).min(2);
        }
        Event::Fail { pick, .. } => *pick %= 8,
        Event::RestartAgent { pick, down } => {
            *pick %= 8;
            *down = Duration::from_secs(down.as_secs().max(1));
        }
        Event::AddForwarder | Event::RotateSeed => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Class;

    #[test]
    fn only_what_matters_is_left() {
        let history = (0..100)
            .map(|seed| History::of(Class::Both, seed))
            .find(|history| history.events.iter().any(|timed| timed.event == Event::AddForwarder))
            .unwrap();
        let shrunk =
            shrink(&history, |history| history.events.iter().any(|timed| timed.event == Event::AddForwarder));
        assert_eq!(shrunk.events.len(), 1);
        assert_eq!((shrunk.backends, shrunk.forwarders), (vec![1], 1));
    }
}
