//! Standard output that may close early.

use std::io::{self, Write as _};

/// Prints a line. `up` and `detach` change the machine and only report on it: nobody listening (`| head`, a full disk) is no
/// reason to stop half way, and `println!` would panic.
macro_rules! say {
    ($($argument:tt)*) => {
        $crate::say::line(&format!($($argument)*))
    };
}
pub(crate) use say;

pub(crate) fn line(text: &str) {
    let _nobody_listens = writeln!(io::stdout(), "{text}");
}

/// Prints what was asked for. Who closed the pipe has seen enough; any other failure is one.
pub(crate) fn answer(text: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
