//! States and diagnostics (RFC 5880 section 4.1).

/// The state of a session, by its value on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum State {
    /// Taken down by the operator.
    AdminDown = 0,
    /// No sign of the peer, or of its hearing us.
    Down = 1,
    /// The peer is heard but may not hear us.
    Init = 2,
    /// Both hear each other.
    Up = 3,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::AdminDown, Self::Down, Self::Init, Self::Up];

    /// From the two bits of the field.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::AdminDown,
            1 => Self::Down,
            2 => Self::Init,
            _ => Self::Up,
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

/// Why the session left its last state, five bits. Values that RFC 5880 section 4.1 reserves are kept as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Diagnostic(u8);

impl Diagnostic {
    /// Nothing to say.
    pub const NONE: Self = Self(0);
    /// The peer was silent for the detection time.
    pub const DETECTION_TIME_EXPIRED: Self = Self(1);
    /// Echo packets did not come back.
    pub const ECHO_FAILED: Self = Self(2);
    /// The peer took the session down.
    pub const NEIGHBOUR_SIGNALED_DOWN: Self = Self(3);
    /// The forwarding plane was reset.
    pub const FORWARDING_PLANE_RESET: Self = Self(4);
    /// The path is down.
    pub const PATH_DOWN: Self = Self(5);
    /// A path behind this one is down.
    pub const CONCATENATED_PATH_DOWN: Self = Self(6);
    /// The operator took the session down.
    pub const ADMINISTRATIVELY_DOWN: Self = Self(7);
    /// A path behind this one is down, in the other direction.
    pub const REVERSE_CONCATENATED_PATH_DOWN: Self = Self(8);

    /// From the five bits of the field.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 0x1f)
    }

    /// The five bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match *self {
            Self::NONE => "none",
            Self::DETECTION_TIME_EXPIRED => "detection time expired",
            Self::ECHO_FAILED => "echo failed",
            Self::NEIGHBOUR_SIGNALED_DOWN => "neighbour signaled down",
            Self::FORWARDING_PLANE_RESET => "forwarding plane reset",
            Self::PATH_DOWN => "path down",
            Self::CONCATENATED_PATH_DOWN => "concatenated path down",
            Self::ADMINISTRATIVELY_DOWN => "administratively down",
            Self::REVERSE_CONCATENATED_PATH_DOWN => "reverse concatenated path down",
            Self(other) => return write!(f, "diagnostic {other}"),
        })
    }
}
