//! What is configured for a session.

use std::time::Duration;

use thiserror::Error;

use crate::auth::Authentication;
use crate::interval::Interval;

/// How a session shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub(crate) desired_min_tx: Interval,
    pub(crate) required_min_rx: Interval,
    pub(crate) detect_mult: u8,
    /// How packets are authenticated.
    pub authentication: Option<Authentication>,
    /// How often at most the peer may send echo packets; zero: not at all.
    pub echo_rx: Interval,
    /// How often echo packets are sent if the peer returns them.
    pub echo_tx: Option<Interval>,
    /// The peer has to speak first: the Passive role of RFC 5880 section 6.1.
    pub passive: bool,
}

/// Why a session cannot be so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// An interval is too short or too long.
    #[error("{what} is {value:?}; write 1ms to 1h")]
    Interval {
        /// Which.
        what: &'static str,
        /// What it is.
        value: Duration,
    },
    /// The multiplier is zero.
    #[error("a detection multiplier of 0; write 1 to 255")]
    DetectMult,
}

impl Config {
    /// The shortest interval.
    pub const SHORTEST: Duration = Duration::from_millis(1);
    /// The longest interval.
    pub const LONGEST: Duration = Duration::from_secs(3600);

    /// Without authentication and echo, in the Active role.
    ///
    /// # Errors
    ///
    /// When a value is out of its range.
    pub fn new(
        desired_min_tx: Duration,
        required_min_rx: Duration,
        detect_mult: u8,
    ) -> Result<Self, ConfigError> {
        if detect_mult == 0 {
            return Err(ConfigError::DetectMult);
        }
        Ok(Self {
            desired_min_tx: Self::interval("the desired transmit interval", desired_min_tx)?,
            required_min_rx: Self::interval("the required receive interval", required_min_rx)?,
            detect_mult,
            authentication: None,
            echo_rx: Interval::ZERO,
            echo_tx: None,
            passive: false,
        })
    }

    /// Whether echo packets of either side are wanted.
    #[must_use]
    pub fn has_echo(&self) -> bool {
        self.echo_tx.is_some() || !self.echo_rx.is_zero()
    }

    /// An interval in the allowed range.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub fn interval(what: &'static str, value: Duration) -> Result<Interval, ConfigError> {
        if (Self::SHORTEST..=Self::LONGEST).contains(&value) {
            Ok(Interval::new(value))
        } else {
            Err(ConfigError::Interval { what, value })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked() {
        let ms = Duration::from_millis;
        assert!(Config::new(ms(1), ms(3_600_000), 255).is_ok());
        assert_eq!(Config::new(ms(50), ms(50), 0), Err(ConfigError::DetectMult));
        let error = Config::new(ms(50), ms(0), 3).unwrap_err().to_string();
        assert_eq!(error, "the required receive interval is 0ns; write 1ms to 1h");
    }
}
