//! Waiting for a condition with a deadline, in place of sleeps.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Time between two looks at a condition.
const LOOK: Duration = Duration::from_millis(20);

/// Polls `look` until it gives a value; returns it with the time that it took.
///
/// # Errors
/// When `deadline` passes (the text says what was waited for) or `look` fails.
pub fn until<T>(
    what: &str,
    deadline: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<(T, Duration)> {
    let start = Instant::now();
    loop {
        if let Some(value) = look()? {
            return Ok((value, start.elapsed()));
        }
        if start.elapsed() >= deadline {
            bail!("waited {deadline:?} in vain for: {what}");
        }
        std::thread::sleep(LOOK);
    }
}

/// [`until`] for a condition that is true or false.
///
/// # Errors
/// As [`until`].
pub fn until_true(
    what: &str,
    deadline: Duration,
    mut look: impl FnMut() -> Result<bool>,
) -> Result<Duration> {
    until(what, deadline, || Ok(look()?.then_some(()))).map(|((), took)| took)
}

/// Looks again and again for so long: for what must not happen.
///
/// # Errors
/// As soon as `look` fails.
pub fn while_nothing_fails(period: Duration, mut look: impl FnMut() -> Result<()>) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < period {
        look()?;
        std::thread::sleep(LOOK);
    }
    look()
}

/// Whether someone takes connections at this socket. That the file is there is not enough: it comes with `bind`, before
/// `listen`, and stays when its owner is killed.
#[must_use]
pub fn listens(socket: &Path) -> bool {
    UnixStream::connect(socket).is_ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::time::Duration;

    #[test]
    fn the_value_is_returned_when_it_appears() {
        let mut looks = 0;
        let (value, _) = super::until("third look", Duration::from_secs(5), || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        })
        .unwrap();
        assert_eq!(value, 3);
    }

    #[test]
    fn the_error_says_what_was_waited_for() {
        let error = super::until_true("pigs to fly", Duration::ZERO, || Ok(false)).unwrap_err();
        assert!(error.to_string().contains("pigs to fly"));
    }

    #[test]
    fn a_socket_whose_owner_is_gone_does_not_listen() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("some.sock");
        assert!(!super::listens(&path));
        let listener = UnixListener::bind(&path).unwrap();
        assert!(super::listens(&path));
        drop(listener);
        assert!(path.exists() && !super::listens(&path));
    }
}
