//! The attributes, and what is done about each way to get them wrong.

use super::Outcome::{self, Discard, Fine, Reset, Withdraw};

/// Who may send an attribute.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sender {
    Anyone,
    /// Internal peers; from others it is discarded.
    Internal,
    /// Speakers without 4-octet AS numbers; from others it is discarded.
    Old,
}

pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) good: &'static str,
    pub(super) sender: Sender,
    pub(super) missing: Outcome,
    pub(super) twice: Outcome,
    pub(super) wrong_flags: Outcome,
    pub(super) empty: Outcome,
    /// One octet less or more than is good.
    pub(super) wrong_length: Outcome,
    pub(super) bad: &'static [(&'static str, Outcome)],
    /// The same with an outcome for an internal and one for an external peer.
    pub(super) bad_by_peer: &'static [(&'static str, Outcome, Outcome)],
}

const OPTIONAL: Attribute = Attribute {
    name: "",
    kind: 0,
    flags: 0xc0,
    good: "",
    sender: Sender::Anyone,
    missing: Fine,
    twice: Discard,
    wrong_flags: Withdraw,
    empty: Withdraw,
    wrong_length: Withdraw,
    bad: &[],
    bad_by_peer: &[],
};

const WELL_KNOWN: Attribute = Attribute { flags: 0x40, ..OPTIONAL };
const NON_TRANSITIVE: Attribute = Attribute { flags: 0x80, ..OPTIONAL };

pub(super) const ATTRIBUTES: &[Attribute] = &[
    // RFC 7606 section 7.1.
    Attribute {
        name: "ORIGIN",
        kind: 1,
        good: "00",
        missing: Withdraw,
        bad: &[("01", Fine), ("02", Fine), ("03", Withdraw), ("ff", Withdraw)],
        ..WELL_KNOWN
    },
    // RFC 7606 section 7.2; RFC 7607 section 2 for AS 0; RFC 5065 section 5 for confederations.
    Attribute {
        name: "AS_PATH",
        kind: 2,
        good: "0201 0000fdea",
        missing: Withdraw,
        empty: Fine,
        bad: &[
            ("0201 0000fdea 0102 00000001 00000002", Fine),
            ("0201 0000fdea 02", Withdraw),
            ("02", Withdraw),
            ("0200", Withdraw),
            ("0201 0000fdea 0200", Withdraw),
            ("0202 0000fdea", Withdraw),
            ("02ff 0000fdea", Withdraw),
            ("0001 0000fdea", Withdraw),
            ("0501 0000fdea", Withdraw),
            ("0901 0000fdea", Withdraw),
            ("0201 00000000", Withdraw),
            ("0102 00000001 00000000", Withdraw),
        ],
        bad_by_peer: &[
            ("0301 0000fdea", Fine, Withdraw),
            ("0401 0000fdea", Fine, Withdraw),
            ("0201 0000fdea 0301 0000fdeb", Fine, Withdraw),
            ("0301 00000000", Withdraw, Withdraw),
        ],
        ..WELL_KNOWN
    },
    // RFC 7606 section 7.3.
    Attribute { name: "NEXT_HOP", kind: 3, good: "0a000001", missing: Withdraw, ..WELL_KNOWN },
    // RFC 7606 section 7.4.
    Attribute { name: "MULTI_EXIT_DISC", kind: 4, good: "00000007", ..NON_TRANSITIVE },
    // RFC 7606 section 7.5.
    Attribute { name: "LOCAL_PREF", kind: 5, good: "00000064", sender: Sender::Internal, ..WELL_KNOWN },
    // RFC 7606 sections 3 (f) and 7.6.
    Attribute {
        name: "ATOMIC_AGGREGATE",
        kind: 6,
        good: "",
        empty: Fine,
        wrong_length: Discard,
        ..WELL_KNOWN
    },
    // RFC 7606 sections 3 (f) and 7.7; RFC 7607 section 2.
    Attribute {
        name: "AGGREGATOR",
        kind: 7,
        good: "0000fdea 0a000001",
        empty: Discard,
        wrong_length: Discard,
        bad: &[("fdea 0a000001", Discard), ("00000000 0a000001", Discard)],
        ..OPTIONAL
    },
    Attribute {
        name: "AGGREGATOR of an old speaker",
        kind: 7,
        good: "fdea 0a000001",
        sender: Sender::Old,
        empty: Discard,
        wrong_length: Discard,
        bad: &[("0000fdea 0a000001", Discard), ("0000 0a000001", Discard)],
        ..OPTIONAL
    },
    // RFC 7606 section 7.8.
    Attribute {
        name: "COMMUNITIES",
        kind: 8,
        good: "ffff0000 fde90064",
        bad: &[("ffff0000", Fine), ("ffff", Withdraw), ("00000000", Fine)],
        ..OPTIONAL
    },
    // RFC 7606 section 7.9.
    Attribute {
        name: "ORIGINATOR_ID",
        kind: 9,
        good: "0a000001",
        sender: Sender::Internal,
        ..NON_TRANSITIVE
    },
    // RFC 7606 section 7.10.
    Attribute {
        name: "CLUSTER_LIST",
        kind: 10,
        good: "0a000001 0a000002",
        sender: Sender::Internal,
        bad: &[("0a000001", Fine), ("0a00", Withdraw)],
        ..NON_TRANSITIVE
    },
    // RFC 7606 sections 3 (g), 5.3 and 7.11.
    Attribute {
        name: "MP_REACH_NLRI",
        kind: 14,
        good: "0002 01 10 fd090000000000000000000000000001 00 30 20010db80001",
        twice: Reset,
        wrong_flags: Reset,
        empty: Reset,
        wrong_length: Reset,
        bad: &[
            ("0002 01 10 fd090000000000000000000000000001 00", Fine),
            ("0002 01 10 fd090000000000000000000000000001 01 00", Fine),
            ("0002 01 04 0a000001 00", Reset),
            ("0001 01 04 0a000001 00 08 0b", Fine),
            ("0001 01 10 fd090000000000000000000000000001 00 08 0b", Reset),
            ("0001 01 05 0a00000100 00 08 0b", Reset),
            ("0001 01 04 0a000001 00 21 0b00000000", Reset),
            ("4004 47 00 00", Fine),
            ("4004 47 00", Reset),
        ],
        ..NON_TRANSITIVE
    },
    // RFC 7606 sections 3 (g), 5.3 and 7.12.
    Attribute {
        name: "MP_UNREACH_NLRI",
        kind: 15,
        good: "0002 01 30 20010db80001",
        twice: Reset,
        wrong_flags: Reset,
        empty: Reset,
        wrong_length: Reset,
        bad: &[
            ("0002 01", Fine),
            ("0002", Reset),
            ("4004 47", Fine),
            ("4004 47 ff", Fine),
            ("0002 01 81", Reset),
        ],
        ..NON_TRANSITIVE
    },
    // RFC 7606 section 7.14.
    Attribute {
        name: "EXTENDED COMMUNITIES",
        kind: 16,
        good: "0002fde900000064",
        bad: &[
            ("0002fde9", Withdraw),
            ("ffffffffffffffff", Fine),
            ("0002fde9000000640004fde97fc00000", Fine),
        ],
        ..OPTIONAL
    },
    // RFC 6793 section 6; the flags are under RFC 7606 section 3 (c).
    Attribute {
        name: "AS4_PATH",
        kind: 17,
        good: "0201 0000fdea",
        sender: Sender::Old,
        empty: Fine,
        wrong_length: Discard,
        bad: &[
            ("0200", Discard),
            ("0202 0000fdea", Discard),
            ("0901 0000fdea", Discard),
            ("0201 00000000", Discard),
            ("0301 0000fdea", Fine),
        ],
        ..OPTIONAL
    },
    Attribute {
        name: "AS4_AGGREGATOR",
        kind: 18,
        good: "00011170 0a000001",
        sender: Sender::Old,
        empty: Discard,
        wrong_length: Discard,
        bad: &[("00000000 0a000001", Discard)],
        ..OPTIONAL
    },
    // RFC 7606 section 7.15.
    Attribute {
        name: "IPv6 address specific extended communities",
        kind: 25,
        good: "0002 20010db8000000000000000000000001 0001",
        bad: &[("0002 20010db8", Withdraw)],
        ..OPTIONAL
    },
    // RFC 8092 section 6.
    Attribute {
        name: "LARGE_COMMUNITY",
        kind: 32,
        good: "0000fde9 00000001 00000002",
        bad: &[("0000fde9 00000001", Withdraw), ("0000fde9", Withdraw)],
        ..OPTIONAL
    },
    // RFC 9234 section 5.
    Attribute {
        name: "Only to Customer",
        kind: 35,
        good: "0000fde9",
        bad: &[("fde9", Withdraw)],
        ..OPTIONAL
    },
    // RFC 7311 section 3: AIGP is not used here, so it is ignored, and with wrong flags discarded.
    Attribute {
        name: "AIGP",
        kind: 26,
        good: "01 000b 0000000000000001",
        wrong_flags: Discard,
        empty: Fine,
        wrong_length: Fine,
        ..NON_TRANSITIVE
    },
];
