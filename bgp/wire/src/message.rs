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
    /// The first session-ending error of the message, or else the first one that RFC 7606 survives.
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
            message_type::ROUTE_REFRESH => {
                RouteRefresh::decode(body).map(Self::RouteRefresh).ok_or_else(bad_length)
            }
            kind => Err(DecodeError::BadType { kind }),
        }
    }

    /// Writes the message with its header.
    ///
    /// # Errors
    ///
    /// When it has more than 4096 octets.
    pub fn encode(&self, context: &Context) -> Result<Vec<u8>, EncodeError> {
        let mut out = vec![0xff; 16];
        out.extend_from_slice(&[0, 0, self.kind()]);
        match self {
            Self::Open(open) => open.encode(&mut out)?,
            Self::Update(update) => update.encode(&mut out, context)?,
            Self::Notification(notification) => notification.encode(&mut out),
            Self::Keepalive => {}
            Self::RouteRefresh(refresh) => refresh.encode(&mut out),
        }
        match u16::try_from(out.len()) {
            Ok(length) if out.len() <= MAX_MESSAGE_LEN => {
                out[16..18].copy_from_slice(&length.to_be_bytes());
                Ok(out)
            }
            _ => Err(EncodeError::TooLong(out.len())),
        }
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
