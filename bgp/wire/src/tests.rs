//! Tables of bytes and values, and properties.

mod packing;

use crate::{Context, DecodeError, Message};

/// Octets from hexadecimal text; blanks are for the reader.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// A whole message from its type and body in hexadecimal.
fn whole(text: &str) -> Vec<u8> {
    let rest = hex(text);
    let mut bytes = vec![0xff; 16];
    bytes.extend_from_slice(&u16::try_from(rest.len() + 18).unwrap().to_be_bytes());
    bytes.extend_from_slice(&rest);
    bytes
}

fn decode(bytes: &[u8]) -> Result<Message, DecodeError> {
    Message::decode(bytes, &Context::default())
}
