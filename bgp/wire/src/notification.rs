//! NOTIFICATION (RFC 4271 section 4.5).

use std::fmt;

use crate::iana::{cease, error_code};
use crate::reader::Reader;

/// Says why the sender ends the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Error code, see [`error_code`].
    pub code: u8,
    /// Error subcode.
    pub subcode: u8,
    /// What the code wants to have said further.
    pub data: Vec<u8>,
}

/// The longest shutdown communication in octets (RFC 9003 section 2).
const MAX_COMMUNICATION: usize = 255;

impl Notification {
    /// A notification without data.
    #[must_use]
    pub fn new(code: u8, subcode: u8) -> Self {
        Self { code, subcode, data: Vec::new() }
    }

    /// Cease/Administrative Shutdown with a text for the operator of the peer (RFC 9003). A text of more than 255
    /// octets is cut at a character boundary.
    #[must_use]
    pub fn admin_shutdown(text: &str) -> Self {
        let mut end = text.len().min(MAX_COMMUNICATION);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut data = Vec::with_capacity(end + 1);
        data.push(u8::try_from(end).unwrap_or(u8::MAX));
        data.extend_from_slice(&text.as_bytes()[..end]);
        Self { code: error_code::CEASE, subcode: cease::ADMIN_SHUTDOWN, data }
    }

    /// The shutdown communication of a Cease/Administrative Shutdown or Reset, if there is one. Invalid UTF-8 is
    /// replaced, control characters are left out: the text goes to logs.
    #[must_use]
    pub fn communication(&self) -> Option<String> {
        if self.code != error_code::CEASE
            || ![cease::ADMIN_SHUTDOWN, cease::ADMIN_RESET].contains(&self.subcode)
        {
            return None;
        }
        let (length, text) = self.data.split_first()?;
        let text = text.get(..usize::from(*length))?;
        let text: String = String::from_utf8_lossy(text).chars().filter(|c| !c.is_control()).collect();
        (!text.is_empty()).then_some(text)
    }

    pub(crate) fn decode(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let (code, subcode) = (reader.u8()?, reader.u8()?);
        Some(Self { code, subcode, data: reader.rest().to_vec() })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.code, self.subcode]);
        out.extend_from_slice(&self.data);
    }
}

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match (self.code, self.subcode) {
            (error_code::HEADER, _) => "message header error",
            (error_code::OPEN, 1) => "unsupported version number",
            (error_code::OPEN, 2) => "bad peer AS",
            (error_code::OPEN, 3) => "bad BGP identifier",
            (error_code::OPEN, 6) => "unacceptable hold time",
            (error_code::OPEN, 7) => "unsupported capability",
            (error_code::OPEN, _) => "OPEN message error",
            (error_code::UPDATE, _) => "UPDATE message error",
            (error_code::HOLD_TIMER, _) => "hold timer expired",
            (error_code::FSM, _) => "finite state machine error",
            (error_code::CEASE, cease::MAX_PREFIXES) => "cease: maximum number of prefixes reached",
            (error_code::CEASE, cease::ADMIN_SHUTDOWN) => "cease: administrative shutdown",
            (error_code::CEASE, cease::PEER_DECONFIGURED) => "cease: peer de-configured",
            (error_code::CEASE, cease::ADMIN_RESET) => "cease: administrative reset",
            (error_code::CEASE, cease::REJECTED) => "cease: connection rejected",
            (error_code::CEASE, cease::CONFIGURATION_CHANGE) => "cease: other configuration change",
            (error_code::CEASE, cease::COLLISION) => "cease: connection collision resolution",
            (error_code::CEASE, _) => "cease",
            (error_code::ROUTE_REFRESH, _) => "ROUTE-REFRESH message error",
            (error_code::SEND_HOLD_TIMER, _) => "send hold timer expired",
            _ => "unknown error",
        };
        write!(f, "{name} ({}/{})", self.code, self.subcode)?;
        match self.communication() {
            Some(text) => write!(f, ": {text}"),
            None => Ok(()),
        }
    }
}
