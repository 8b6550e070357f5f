//! However a stream of bytes is cut, the same messages come out of it.
#![no_main]

use guideway_bgp_wire::{Frame, HEADER_LEN, MAX_MESSAGE_LEN, frame};
use libfuzzer_sys::fuzz_target;

/// Lengths of the messages that a reader finds when the stream arrives in pieces of `piece` octets.
fn lengths(stream: &[u8], piece: usize) -> (Vec<usize>, bool) {
    let (mut found, mut start, mut received) = (Vec::new(), 0, 0);
    loop {
        match frame(&stream[start..received]) {
            Err(_) => return (found, true),
            Ok(Frame::Complete { length }) => {
                assert!(
                    (HEADER_LEN..=MAX_MESSAGE_LEN).contains(&length),
                    "a message has between 19 and 4096 octets"
                );
                assert!(start + length <= received, "a complete message is there");
                found.push(length);
                start += length;
            }
            Ok(Frame::Incomplete) if received == stream.len() => return (found, false),
            Ok(Frame::Incomplete) => {
                assert!(received - start < MAX_MESSAGE_LEN, "the longest message always completes");
                received = stream.len().min(received + piece);
            }
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((piece, stream)) = bytes.split_first() else { return };
    assert_eq!(lengths(stream, usize::from(*piece).max(1)), lengths(stream, stream.len().max(1)));
});
