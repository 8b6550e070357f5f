//! Properties over random messages and random bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::strategies::message;
use crate::{AsWidth, Context, Frame, MAX_MESSAGE_LEN, Message, frame};

fn context() -> impl Strategy<Value = Context> {
    prop_oneof![Just(AsWidth::Two), Just(AsWidth::Four)].prop_map(|as_width| Context { as_width })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(message in message()) {
        let bytes = message.encode(&Context::default()).unwrap();
        prop_assert_eq!(frame(&bytes), Ok(Frame::Complete { length: bytes.len() }));
        prop_assert_eq!(Message::decode(&bytes, &Context::default()), Ok(message));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..5000), context in context()) {
        let _ = frame(&bytes);
        let _ = Message::decode(&bytes, &context);
    }

    /// A good header in front, so that the bodies are reached.
    #[test]
    fn arbitrary_bodies_never_panic(kind in 1..=5u8, body in vec(any::<u8>(), 0..600), context in context()) {
        let mut bytes = vec![0xff; 16];
        bytes.extend_from_slice(&u16::try_from(body.len() + 19).unwrap().to_be_bytes());
        bytes.push(kind);
        bytes.extend_from_slice(&body);
        match Message::decode(&bytes, &context) {
            // What was read can be written, and reads the same again.
            Ok(message) => {
                if let Ok(written) = message.encode(&context) && context.as_width == AsWidth::Four {
                    prop_assert_eq!(Message::decode(&written, &context), Ok(message));
                }
            }
            // The answer to an error always fits in a message.
            Err(error) => {
                let answer = Message::Notification(error.notification()).encode(&context).unwrap();
                prop_assert!(answer.len() <= MAX_MESSAGE_LEN);
            }
        }
    }

    /// One flipped octet in a valid message: the interesting neighbourhood.
    #[test]
    fn damaged_messages_never_panic(message in message(), at in any::<prop::sample::Index>(), octet in any::<u8>()) {
        let mut bytes = message.encode(&Context::default()).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = octet;
        let _ = Message::decode(&bytes, &Context::default());
    }

    #[test]
    fn every_truncation_is_incomplete(message in message()) {
        let bytes = message.encode(&Context::default()).unwrap();
        for length in 0..bytes.len() {
            prop_assert_eq!(frame(&bytes[..length]), Ok(Frame::Incomplete));
        }
    }
}
