//! Tables of bytes and values. Properties over random messages are in the crate's `tests` folder.

mod capabilities;
mod communities;
mod four_octet_as;
mod notifications;
mod packing;
mod resets;
mod revised_errors;
mod updates;

use crate::{Context, DecodeError, Message, Update};

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

/// A whole UPDATE without withdrawn routes.
fn update(attributes: &str, nlri: &str) -> Vec<u8> {
    whole(&format!("02 0000 {:04x} {attributes} {nlri}", hex(attributes).len()))
}

fn decode(bytes: &[u8]) -> Result<Message, DecodeError> {
    Message::decode(bytes, &Context::default())
}

fn decode_update(bytes: &[u8], context: &Context) -> Result<Update, DecodeError> {
    match Message::decode(bytes, context)? {
        Message::Update(update) => Ok(update),
        other => panic!("not an UPDATE: {other:?}"),
    }
}

/// Rows of bytes and values that are each other's picture.
fn both_ways(rows: Vec<(&str, &str, Message)>, context: &Context) {
    for (name, bytes, message) in rows {
        let bytes = whole(bytes);
        assert_eq!(Message::decode(&bytes, &context.mirrored()).as_ref(), Ok(&message), "{name}");
        assert_eq!(message.encode(context), Ok(bytes.clone()), "{name}");
        for length in 0..bytes.len() {
            assert_eq!(crate::frame(&bytes[..length]), Ok(crate::Frame::Incomplete), "{name} at {length}");
            assert!(decode(&bytes[..length]).is_err(), "{name} at {length}");
            // The same with a header that admits the shorter length: never a panic.
            if length >= 19 {
                let mut cut = bytes[..length].to_vec();
                cut[16..18].copy_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
                let _ = Message::decode(&cut, &context.mirrored());
            }
        }
    }
}
