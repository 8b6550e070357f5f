//! Writes the state in a thread of its own: sessions go on while a disk hangs.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

use super::State;

/// What a caller waits at most for a disk that is not well.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether the caller goes on before the state is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// At once.
    No,
    /// When it is written, or after [`PATIENCE`].
    Yes,
}

/// Keeps the latest state. Its thread ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Keeper(Arc<Desk>);

#[derive(Debug)]
struct Desk {
    place: Mutex<Place>,
    /// There is something to write, or something is written.
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Place {
    /// To be written.
    next: Option<State>,
    /// How many were given, and which of them was written last.
    given: u64,
    done: u64,
    /// Since when one is being written.
    begun: Option<Instant>,
    problem: Option<String>,
    ended: bool,
}

impl Keeper {
    /// Keeps states in `directory`. `problem` is what is wrong with it already.
    pub(crate) fn start(directory: PathBuf, problem: Option<String>) -> Self {
        let place = Mutex::new(Place { problem, ..Place::default() });
        let desk = Arc::new(Desk { place, moved: Condvar::new() });
        let writer = Arc::clone(&desk);
        let started = std::thread::Builder::new()
            .name("state".to_owned())
            .spawn(move || while writer.write_next(&directory) {});
        if let Err(error) = started {
            desk.lock().problem = Some(format!("the state is not kept: no thread for it: {error}"));
        }
        Self(desk)
    }

    /// Writes `state` unless a later one comes before its turn.
    pub(crate) fn save(&self, state: State, wait: Wait) {
        let mut place = self.0.lock();
        place.given += 1;
        place.next = Some(state);
        let number = place.given;
        self.0.moved.notify_all();
        if wait == Wait::Yes {
            let waits = |place: &mut Place| place.done < number;
            drop(self.0.moved.wait_timeout_while(place, PATIENCE, waits));
        }
    }

    /// Why the state is not kept.
    pub(crate) fn problem(&self) -> Option<String> {
        let place = self.0.lock();
        let late = place.begun.filter(|begun| begun.elapsed() >= PATIENCE).map(|_| {
            "the state is not kept: the disk does not take it; a restart will cost traffic".to_owned()
        });
        late.or_else(|| place.problem.clone())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.moved.notify_all();
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False after the end.
    fn write_next(&self, directory: &std::path::Path) -> bool {
        let idle = |place: &mut Place| place.next.is_none() && !place.ended;
        let mut place = self.moved.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        let Some(state) = place.next.take() else { return false };
        let number = place.given;
        place.begun = Some(Instant::now());
        drop(place);
        let problem = state.save(directory).err().map(|error| {
            let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
            format!("{error}{}; a restart will cost traffic", source.unwrap_or_default())
        });
        let mut place = self.lock();
        if let Some(problem) = &problem
            && place.problem.as_ref() != Some(problem)
        {
            warn!("{problem}");
        }
        (place.problem, place.done, place.begun) = (problem, number, None);
        self.moved.notify_all();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::FILE;
    use super::*;

    fn state(alive: u64) -> State {
        State { alive, ..State::default() }
    }

    #[test]
    fn the_latest_state_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = Keeper::start(folder.path().join("new"), Some("it was unreadable".to_owned()));
        assert_eq!(keeper.problem().as_deref(), Some("it was unreadable"));
        keeper.save(state(1), Wait::No);
        keeper.save(state(2), Wait::Yes);
        assert_eq!(State::load(&folder.path().join("new")).unwrap(), Some(state(2)));
        assert_eq!(keeper.problem(), None);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_a_problem() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let keeper = Keeper::start(file, None);
        keeper.save(state(1), Wait::Yes);
        assert!(keeper.problem().unwrap().contains("cannot be written"));
    }

    /// Opening a pipe without a reader hangs as a dead disk does.
    #[test]
    fn a_disk_that_hangs_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join(format!("{FILE}.new"));
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let keeper = Keeper::start(folder.path().to_owned(), None);
        keeper.save(state(0), Wait::Yes);
        let start = Instant::now();
        for alive in 1..=1000 {
            keeper.save(state(alive), Wait::No);
        }
        assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
        // The thread may have begun later than we began to wait.
        let end = Instant::now() + Duration::from_secs(20);
        while keeper.problem().is_none() {
            assert!(Instant::now() < end, "the disk hangs and nobody says so");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(keeper.problem().unwrap().contains("does not take it"));
        // The disk is well again: the pipe takes the first state, and a file in its place the latest one.
        std::thread::spawn(move || std::fs::read_to_string(&pipe)).join().unwrap().unwrap();
        let end = Instant::now() + Duration::from_secs(20);
        let kept = folder.path().join(FILE);
        let is_kept = || std::fs::symlink_metadata(&kept).is_ok_and(|found| found.is_file());
        while !is_kept() || State::load(folder.path()).unwrap() != Some(state(1000)) {
            assert!(Instant::now() < end, "the latest state was not written: {keeper:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
