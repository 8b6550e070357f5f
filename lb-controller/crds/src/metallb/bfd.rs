use std::num::NonZeroU8;
use std::time::Duration;

/// How BFD of a session is set. What is `None` is what the speaker has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BfdProfile {
    /// 10 ms to 60 s.
    pub receive_interval: Option<Duration>,
    /// 10 ms to 60 s.
    pub transmit_interval: Option<Duration>,
    /// 2 to 255.
    pub detect_multiplier: Option<NonZeroU8>,
    /// The interval of echo packets, 10 ms to 60 s; `None`: no echo.
    pub echo: Option<Duration>,
}
