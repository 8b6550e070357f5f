//! Properties over random messages, damaged ones and random bytes.
#![allow(missing_docs, clippy::unwrap_used)]

mod strategies;

use guideway_bgp_wire::{
    Approach, AsWidth, Attributes, Community, Context, EncodeError, ExtendedCommunity, Families, Family,
    Frame, LargeCommunity, MAX_MESSAGE_LEN, Message, NextHop, Nlri, Update, frame, pack_reach, pack_unreach,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use strategies::{attributes, context, damaged, message, next_hop, nlri};

/// A good header in front of `body`, so that it is reached.
fn with_header(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xff; 16];
    bytes.extend_from_slice(&u16::try_from(body.len() + 19).unwrap().to_be_bytes());
    bytes.push(kind);
    bytes.extend_from_slice(body);
    bytes
}

/// What was read says what was written in it, can be written again, and is then read the same.
fn check_decoded(bytes: &[u8], context: &Context) -> Result<(), TestCaseError> {
    let message = match Message::decode(bytes, context) {
        Ok(message) => message,
        Err(error) => {
            // The answer to an error always fits in a message.
            let answer = Message::Notification(error.notification()).encode(context).unwrap();
            prop_assert!(answer.len() <= MAX_MESSAGE_LEN && !error.to_string().is_empty());
            return Ok(());
        }
    };
    let message = match message {
        Message::Update(update) => {
            if update.faults.iter().any(|fault| fault.approach == Approach::TreatAsWithdraw) {
                prop_assert!(update.reach.is_empty());
            }
            prop_assert!(update.reach.len() <= 2 && update.unreach.len() <= 2);
            Message::Update(Update { faults: vec![], ignored: vec![], ..update })
        }
        other => other,
    };
    match message.encode(&context.mirrored()) {
        Ok(written) => prop_assert_eq!(Message::decode(&written, context), Ok(message)),
        // Nothing of the message was for us.
        Err(EncodeError::Nothing) => {
            prop_assert_eq!(message, Message::Update(Update::default()));
        }
        // The merged path of an old speaker's message can need more room than both of its parts took.
        Err(EncodeError::TooLong(_)) => prop_assert_eq!(context.as_width, AsWidth::Two),
        Err(error) => return Err(TestCaseError::fail(format!("{error}: {message:?}"))),
    }
    Ok(())
}

fn packable() -> impl Strategy<Value = (Family, Context, Attributes, NextHop, Vec<Nlri>)> {
    (select(&Family::ALL[..]), context()).prop_flat_map(|(family, context)| {
        let context = Context { families: Families::NONE, ..context };
        let nlri = vec(nlri(family, context), 1..300);
        (Just(family), Just(context), attributes(context), next_hop(family, context), nlri)
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back((message, context) in message()) {
        let bytes = match message.encode(&context) {
            Ok(bytes) => bytes,
            Err(error) => return Err(TestCaseError::fail(format!("{error}"))),
        };
        prop_assert_eq!(frame(&bytes), Ok(Frame::Complete { length: bytes.len() }));
        prop_assert_eq!(Message::decode(&bytes, &context.mirrored()), Ok(message));
    }

    /// Packing says what encoding says.
    #[test]
    fn packed_and_encoded_alike(
        (family, context, attributes, next_hop, nlri) in packable(),
    ) {
        for advertise in [true, false] {
            let mut rest = &nlri[..];
            while !rest.is_empty() {
                let (bytes, count) = match advertise {
                    true => pack_reach(next_hop, family, &attributes, rest, &context).unwrap(),
                    false => pack_unreach(family, rest, &context).unwrap(),
                };
                let update = match advertise {
                    true => Update::reach(family, next_hop, attributes.clone(), rest[..count].to_vec()),
                    false => Update::unreach(family, rest[..count].to_vec()),
                };
                prop_assert!(count > 0 && bytes.len() <= MAX_MESSAGE_LEN);
                prop_assert_eq!(Message::Update(update).encode(&context), Ok(bytes));
                rest = &rest[count..];
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..5000), context in context()) {
        let _ = frame(&bytes);
        let _ = Message::decode(&bytes, &context);
    }

    #[test]
    fn arbitrary_bodies(kind in 1..=5u8, body in vec(any::<u8>(), 0..600), context in context()) {
        check_decoded(&with_header(kind, &body), &context)?;
    }

    /// The neighbourhood of good messages, in their own context and another one.
    #[test]
    fn damaged_messages(
        (bytes, context) in message().prop_flat_map(|(message, context)| {
            (damaged(message.encode(&context).unwrap()), Just(context.mirrored()))
        }),
        other in context(),
    ) {
        check_decoded(&bytes, &context)?;
        check_decoded(&bytes, &other)?;
    }

    #[test]
    fn every_truncation_is_incomplete((message, context) in message()) {
        let bytes = message.encode(&context).unwrap();
        for length in 0..bytes.len() {
            prop_assert_eq!(frame(&bytes[..length]), Ok(Frame::Incomplete));
        }
    }
}

proptest! {
    #[test]
    fn communities_as_text(standard in any::<u32>(), extended in any::<[u8; 8]>(), large in any::<(u32, u32, u32)>()) {
        let standard = Community(standard);
        prop_assert_eq!(standard.to_string().parse(), Ok(standard));
        let large = LargeCommunity { global: large.0, local1: large.1, local2: large.2 };
        prop_assert_eq!(large.to_string().parse(), Ok(large));
        // Half of them of the types that have names.
        let named = [extended[0] & 0x43, extended[1] & 0x07];
        let [_, _, rest @ ..] = extended;
        let [a, b, c, d, e, f] = rest;
        for octets in [extended, [named[0], named[1], a, b, c, d, e, f]] {
            let extended = ExtendedCommunity(octets);
            prop_assert_eq!(extended.to_string().parse(), Ok(extended));
        }
    }

    #[test]
    fn any_text_is_a_community_or_an_error(text in "[a-z0-9:.x-]{0,30}|\\PC{0,20}") {
        let _ = (text.parse::<Community>(), text.parse::<LargeCommunity>(), text.parse::<ExtendedCommunity>());
    }
}

/// The messages with the most in them: what is made of one is bounded by its size.
#[test]
fn the_fullest_messages() {
    let full = |attributes: &[u8]| {
        let mut body = vec![0, 0];
        body.extend_from_slice(&u16::try_from(attributes.len()).unwrap().to_be_bytes());
        body.extend_from_slice(attributes);
        body.extend(std::iter::repeat_n(0, 4077 - body.len()));
        with_header(2, &body)
    };
    let mandatory = [0x40, 1, 1, 0, 0x40, 2, 0, 0x40, 3, 4, 10, 0, 0, 1];
    for filler in [&[0x40u8, 6, 0][..], &[0xc0, 200, 0], &[0xc0, 8, 4, 0, 0, 0, 1]] {
        let mut attributes = mandatory.to_vec();
        while attributes.len() + filler.len() <= 4000 {
            attributes.extend_from_slice(filler);
        }
        for attributes in [&attributes[..], &mandatory] {
            let bytes = full(attributes);
            assert_eq!(bytes.len(), 4096);
            let Ok(Message::Update(update)) = Message::decode(&bytes, &Context::default()) else {
                panic!("not an UPDATE")
            };
            assert!(update.faults.len() <= 4096 / 3);
            assert_eq!(update.reach[0].nlri.len(), 4077 - 4 - attributes.len());
        }
    }
}
