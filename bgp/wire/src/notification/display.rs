//! Notifications in words.

use std::fmt;

use super::Notification;
use crate::iana::{cease, error_code, fsm_error, header_error, open_error, update_error};

impl Notification {
    /// The registered name of code and subcode, in lower case.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match (self.code, self.subcode) {
            (error_code::HEADER, header_error::NOT_SYNCHRONIZED) => "connection not synchronized",
            (error_code::HEADER, header_error::BAD_LENGTH) => "bad message length",
            (error_code::HEADER, header_error::BAD_TYPE) => "bad message type",
            (error_code::HEADER, _) => "message header error",
            (error_code::OPEN, open_error::VERSION) => "unsupported version number",
            (error_code::OPEN, open_error::PEER_AS) => "bad peer AS",
            (error_code::OPEN, open_error::BGP_IDENTIFIER) => "bad BGP identifier",
            (error_code::OPEN, open_error::OPTIONAL_PARAMETER) => "unsupported optional parameter",
            (error_code::OPEN, open_error::HOLD_TIME) => "unacceptable hold time",
            (error_code::OPEN, open_error::CAPABILITY) => "unsupported capability",
            (error_code::OPEN, open_error::ROLE_MISMATCH) => "role mismatch",
            (error_code::OPEN, _) => "OPEN message error",
            (error_code::UPDATE, update_error::ATTRIBUTE_LIST) => "malformed attribute list",
            (error_code::UPDATE, update_error::UNRECOGNIZED_WELL_KNOWN) => {
                "unrecognized well-known attribute"
            }
            (error_code::UPDATE, update_error::MISSING_WELL_KNOWN) => "missing well-known attribute",
            (error_code::UPDATE, update_error::ATTRIBUTE_FLAGS) => "attribute flags error",
            (error_code::UPDATE, update_error::ATTRIBUTE_LENGTH) => "attribute length error",
            (error_code::UPDATE, update_error::ORIGIN) => "invalid ORIGIN attribute",
            (error_code::UPDATE, update_error::NEXT_HOP) => "invalid NEXT_HOP attribute",
            (error_code::UPDATE, update_error::OPTIONAL_ATTRIBUTE) => "optional attribute error",
            (error_code::UPDATE, update_error::NETWORK_FIELD) => "invalid network field",
            (error_code::UPDATE, update_error::AS_PATH) => "malformed AS_PATH",
            (error_code::UPDATE, _) => "UPDATE message error",
            (error_code::HOLD_TIMER, _) => "hold timer expired",
            (error_code::FSM, fsm_error::OPEN_SENT) => "unexpected message in OpenSent",
            (error_code::FSM, fsm_error::OPEN_CONFIRM) => "unexpected message in OpenConfirm",
            (error_code::FSM, fsm_error::ESTABLISHED) => "unexpected message in Established",
            (error_code::FSM, _) => "finite state machine error",
            (error_code::CEASE, cease::MAX_PREFIXES) => "cease: maximum number of prefixes reached",
            (error_code::CEASE, cease::ADMIN_SHUTDOWN) => "cease: administrative shutdown",
            (error_code::CEASE, cease::PEER_DECONFIGURED) => "cease: peer de-configured",
            (error_code::CEASE, cease::ADMIN_RESET) => "cease: administrative reset",
            (error_code::CEASE, cease::REJECTED) => "cease: connection rejected",
            (error_code::CEASE, cease::CONFIGURATION_CHANGE) => "cease: other configuration change",
            (error_code::CEASE, cease::COLLISION) => "cease: connection collision resolution",
            (error_code::CEASE, cease::OUT_OF_RESOURCES) => "cease: out of resources",
            (error_code::CEASE, cease::HARD_RESET) => "cease: hard reset",
            (error_code::CEASE, cease::BFD_DOWN) => "cease: BFD down",
            (error_code::CEASE, _) => "cease",
            (error_code::ROUTE_REFRESH, _) => "ROUTE-REFRESH message error",
            (error_code::SEND_HOLD_TIMER, _) => "send hold timer expired",
            _ => "unknown error",
        }
    }
}

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}/{})", self.name(), self.code, self.subcode)?;
        // One level is unwrapped: the inside of a Hard Reset comes from the peer and could go on for long.
        if let Some(inner) = self.wrapped() {
            write!(f, ": {} ({}/{})", inner.name(), inner.code, inner.subcode)?;
        }
        match self.communication() {
            Some(text) => write!(f, ": {text}"),
            None => Ok(()),
        }
    }
}
