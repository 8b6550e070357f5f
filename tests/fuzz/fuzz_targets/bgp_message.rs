//! A BGP message that can be read in any context can be written, and is then read the same.
#![no_main]

use guideway_bgp_wire::{
    Approach, AsWidth, Context, EncodeError, Families, Family, MAX_MESSAGE_LEN, Message, Update,
};
use libfuzzer_sys::fuzz_target;

/// One bit per family.
fn families(bits: u8) -> Families {
    let wanted = |family: &Family| bits & if *family == Family::Ipv4 { 1 } else { 2 } != 0;
    Family::ALL.into_iter().filter(wanted).collect()
}

/// Any context, from nine bits.
fn context(low: u8, high: u8) -> Context {
    Context {
        as_width: if low & 1 == 0 { AsWidth::Four } else { AsWidth::Two },
        extended_next_hop: low & 2 != 0,
        external: low & 4 != 0,
        add_path_receive: families(low >> 3),
        families: families(low >> 5),
        add_path_send: families(high),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some(([low, high], bytes)) = bytes.split_first_chunk::<2>() else { return };
    let context = context(*low, *high);
    let message = match Message::decode(bytes, &context) {
        Ok(message) => message,
        Err(error) => {
            let answer = Message::Notification(error.notification()).encode(&context);
            assert!(answer.is_ok_and(|answer| answer.len() <= MAX_MESSAGE_LEN), "an error can be answered");
            return;
        }
    };
    let message = match message {
        Message::Update(update) => {
            let withdrawn = update.faults.iter().any(|fault| fault.approach == Approach::TreatAsWithdraw);
            assert!(!withdrawn || update.reach.is_empty(), "nothing is advertised that counts as withdrawn");
            Message::Update(Update { faults: Vec::new(), ignored: Vec::new(), ..update })
        }
        other => other,
    };
    // What the peer writes, it writes in its own view of the session.
    match message.encode(&context.mirrored()) {
        Ok(written) if context.as_width == AsWidth::Four => {
            assert_eq!(Message::decode(&written, &context), Ok(message), "what we write is read the same");
        }
        Ok(written) => {
            // An old speaker loses the segments of a confederation behind the first one.
            assert!(Message::decode(&written, &context).is_ok(), "what we write can be read");
        }
        Err(EncodeError::Nothing) => {
            assert_eq!(
                message,
                Message::Update(Update::default()),
                "only what says nothing cannot be written"
            );
        }
        // A merged path can need more octets than both of its parts took.
        Err(EncodeError::TooLong(_)) => assert_eq!(context.as_width, AsWidth::Two, "it had room before"),
        Err(error) => panic!("{error}: {message:?}"),
    }
});
