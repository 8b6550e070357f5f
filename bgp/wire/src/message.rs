//! Any message.

use crate::error::{DecodeError, EncodeError};
use crate::frame::{Frame, frame};
use crate::iana::message_type;
use crate::notification::Notification;
use crate::open::Open;
use crate::route_refresh::RouteRefresh;
use crate::update::Update;
use crate::{Context, HEADER_LEN, MAX_MESSAGE_LEN};

/// A BGP message.
#[expect(clippy::large_enum_variant, reason = "nearly every message is an UPDATE, and none is kept for long")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// OPEN.
    Open(Open),
    /// UPDATE.
    Update(Update),
    /// NOTIFICATION.
    Notification(Notification),
    /// KEEPALIVE.
    Keepalive,
    /// ROUTE-REFRESH.
    RouteRefresh(RouteRefresh),
}

impl Message {
    /// Reads one whole message, the header included, as [`frame`] cuts it.
    ///
    /// # Errors
    ///
    /// The first error that ends the session: [`DecodeError::notification`] is the answer. What RFC 7606 lets the
    /// session survive is in [`Update::faults`].
    pub fn decode(bytes: &[u8], context: &Context) -> Result<Self, DecodeError> {
        let bad_length = || DecodeError::BadLength { length: u16::try_from(bytes.len()).unwrap_or(u16::MAX) };
        if frame(bytes)? != (Frame::Complete { length: bytes.len() }) {
            return Err(bad_length());
        }
        let body = &bytes[HEADER_LEN..];
        match bytes[HEADER_LEN - 1] {
            message_type::OPEN => Open::decode(body).map(Self::Open),
            message_type::UPDATE => Update::decode(body, context).map(Self::Update),
            message_type::NOTIFICATION => {
                Notification::decode(body).map(Self::Notification).ok_or_else(bad_length)
            }
            message_type::KEEPALIVE => Ok(Self::Keepalive),
            message_type::ROUTE_REFRESH => RouteRefresh::decode(bytes, body).map(Self::RouteRefresh),
            kind => Err(DecodeError::BadType { kind }),
        }
    }

    /// Writes the message with its header.
    ///
    /// # Errors
    ///
    /// When it has more than 4096 octets, or an [`Update`] says what no UPDATE can say.
    pub fn encode(&self, context: &Context) -> Result<Vec<u8>, EncodeError> {
        let mut out = begin(self.kind());
        match self {
            Self::Open(open) => open.encode(&mut out)?,
            Self::Update(update) => update.encode(&mut out, context)?,
            Self::Notification(notification) => notification.encode(&mut out),
            Self::Keepalive => {}
            Self::RouteRefresh(refresh) => refresh.encode(&mut out),
        }
        finish(out)
    }

    /// The message's name in RFC 4271's words.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open(_) => "OPEN",
            Self::Update(_) => "UPDATE",
            Self::Notification(_) => "NOTIFICATION",
            Self::Keepalive => "KEEPALIVE",
            Self::RouteRefresh(_) => "ROUTE-REFRESH",
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Open(_) => message_type::OPEN,
            Self::Update(_) => message_type::UPDATE,
            Self::Notification(_) => message_type::NOTIFICATION,
            Self::Keepalive => message_type::KEEPALIVE,
            Self::RouteRefresh(_) => message_type::ROUTE_REFRESH,
        }
    }
}

/// A header of the type `kind` whose length is still open.
pub(crate) fn begin(kind: u8) -> Vec<u8> {
    let mut out = vec![0xff; 16];
    out.extend_from_slice(&[0, 0, kind]);
    out
}

/// Fills in the length.
pub(crate) fn finish(mut out: Vec<u8>) -> Result<Vec<u8>, EncodeError> {
    match u16::try_from(out.len()) {
        Ok(length) if out.len() <= MAX_MESSAGE_LEN => {
            out[16..18].copy_from_slice(&length.to_be_bytes());
            Ok(out)
        }
        _ => Err(EncodeError::TooLong(out.len())),
    }
}
