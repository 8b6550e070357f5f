//! NOTIFICATION (RFC 4271 section 4.5).

mod display;

use crate::HEADER_LEN;
use crate::MAX_MESSAGE_LEN;
use crate::family::Family;
use crate::iana::{cease, error_code, open_error};
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
    /// The most octets of data that a message has room for.
    pub const MAX_DATA: usize = MAX_MESSAGE_LEN - HEADER_LEN - 2;

    /// A notification without data.
    #[must_use]
    pub fn new(code: u8, subcode: u8) -> Self {
        Self { code, subcode, data: Vec::new() }
    }

    /// A Cease without data; `subcode` is one of [`cease`].
    #[must_use]
    pub fn cease(subcode: u8) -> Self {
        Self::new(error_code::CEASE, subcode)
    }

    /// Cease/Administrative Shutdown with a text for the operator of the peer (RFC 9003). A text of more than 255
    /// octets is cut at a character boundary.
    #[must_use]
    pub fn admin_shutdown(text: &str) -> Self {
        Self { data: communicate(text), ..Self::cease(cease::ADMIN_SHUTDOWN) }
    }

    /// Cease/Administrative Reset with a text for the operator of the peer, cut as that of
    /// [`Notification::admin_shutdown`].
    #[must_use]
    pub fn admin_reset(text: &str) -> Self {
        Self { data: communicate(text), ..Self::cease(cease::ADMIN_RESET) }
    }

    /// Cease/Maximum Number of Prefixes Reached with the family and its limit (RFC 4486 section 4).
    #[must_use]
    pub fn max_prefixes(family: Family, limit: u32) -> Self {
        let mut data = family.afi().to_be_bytes().to_vec();
        data.push(family.safi());
        data.extend_from_slice(&limit.to_be_bytes());
        Self { data, ..Self::cease(cease::MAX_PREFIXES) }
    }

    /// Cease/Hard Reset: as `reason`, and the peer does not keep routes although graceful restart covers notifications
    /// (RFC 8538 section 3.1). Data that has no room is cut.
    #[must_use]
    pub fn hard_reset(reason: &Self) -> Self {
        let mut data = vec![reason.code, reason.subcode];
        data.extend_from_slice(&reason.data[..reason.data.len().min(Self::MAX_DATA - 2)]);
        Self { data, ..Self::cease(cease::HARD_RESET) }
    }

    /// OPEN Message Error/Role Mismatch (RFC 9234 section 4.2).
    #[must_use]
    pub fn role_mismatch() -> Self {
        Self::new(error_code::OPEN, open_error::ROLE_MISMATCH)
    }

    /// True for a Cease/Hard Reset: routes are not to be kept, whatever was agreed on (RFC 8538 section 4).
    #[must_use]
    pub fn is_hard(&self) -> bool {
        (self.code, self.subcode) == (error_code::CEASE, cease::HARD_RESET)
    }

    /// The notification inside a Cease/Hard Reset that has one.
    #[must_use]
    pub fn wrapped(&self) -> Option<Self> {
        if self.is_hard() { Self::decode(&self.data) } else { None }
    }

    /// The shutdown communication of a Cease/Administrative Shutdown or Reset, also inside a Hard Reset, if there is
    /// one. Invalid UTF-8 is replaced, control characters are left out: the text goes to logs.
    #[must_use]
    pub fn communication(&self) -> Option<String> {
        let wrapped = self.wrapped();
        let inner = wrapped.as_ref().unwrap_or(self);
        if inner.code != error_code::CEASE
            || ![cease::ADMIN_SHUTDOWN, cease::ADMIN_RESET].contains(&inner.subcode)
        {
            return None;
        }
        let (length, text) = inner.data.split_first()?;
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

/// RFC 9003 section 2: the length in one octet, then UTF-8.
fn communicate(text: &str) -> Vec<u8> {
    let mut end = text.len().min(MAX_COMMUNICATION);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut data = Vec::with_capacity(end + 1);
    data.push(u8::try_from(end).unwrap_or(u8::MAX));
    data.extend_from_slice(&text.as_bytes()[..end]);
    data
}
