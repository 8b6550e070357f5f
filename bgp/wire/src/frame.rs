//! Cutting a stream of bytes into messages.

use crate::error::DecodeError;
use crate::iana::message_type;
use crate::{HEADER_LEN, MAX_MESSAGE_LEN};

/// What stands at the start of a receive buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// A whole message is not there yet.
    Incomplete,
    /// The first `length` octets are one message.
    Complete {
        /// Octets of the message, the header included.
        length: usize,
    },
}

/// Looks for a message at the start of `buffer`.
///
/// # Errors
///
/// A header that breaks RFC 4271 section 6.1: marker, length (also against the minimum of the message's type), type.
/// The stream cannot be read further then.
pub fn frame(buffer: &[u8]) -> Result<Frame, DecodeError> {
    let marker = &buffer[..buffer.len().min(16)];
    if marker.iter().any(|octet| *octet != 0xff) {
        return Err(DecodeError::NotSynchronized);
    }
    let Some((header, _)) = buffer.split_first_chunk::<HEADER_LEN>() else {
        return Ok(Frame::Incomplete);
    };
    let length = u16::from_be_bytes([header[16], header[17]]);
    let kind = header[18];
    // RFC 4271 section 6.1: the length is checked before the type.
    if !(HEADER_LEN..=MAX_MESSAGE_LEN).contains(&usize::from(length)) {
        return Err(DecodeError::BadLength { length });
    }
    let fits = match kind {
        message_type::OPEN => length >= 29,
        message_type::UPDATE => length >= 23,
        message_type::NOTIFICATION => length >= 21,
        message_type::KEEPALIVE => length == 19,
        // Behind a request there can be filters (RFC 5291 section 4).
        message_type::ROUTE_REFRESH => length >= 23,
        kind => return Err(DecodeError::BadType { kind }),
    };
    if !fits {
        return Err(DecodeError::BadLength { length });
    }
    let length = usize::from(length);
    Ok(if buffer.len() < length { Frame::Incomplete } else { Frame::Complete { length } })
}
