//! Why a call did not succeed.

use std::error::Error;
use std::fmt;

use tonic::Status;

/// What etcd, or the way to it, said. (A status by itself shows what is behind it as a program's memory looks, and what
/// prints errors shows that once more.)
#[derive(Debug)]
pub(super) struct Said(pub(super) Status);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.message() {
            "" => write!(f, "{}", self.0.code()),
            message => f.write_str(message),
        }
    }
}

impl Error for Said {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_can_read_it() {
        let refused = std::io::Error::other("nobody listens");
        let said = Said(Status::from_error(Box::new(refused)));
        assert_eq!(said.to_string(), "nobody listens");
        assert_eq!(said.source().unwrap().to_string(), "nobody listens");
        assert_eq!(Said(Status::unavailable("no leader")).to_string(), "no leader");
        assert_eq!(Said(Status::unknown("")).to_string(), "Unknown error");
    }
}
