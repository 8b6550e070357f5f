//! Where published codecs judge an UPDATE differently, and the paragraph that is on our side.

use std::fmt;

use guideway_bgp_wire::{Context, Family};

use crate::other_codecs::{Codec, Outcome, Parts, Verdict, ours};

/// A message before two judges.
pub(crate) struct Case {
    pub(crate) codec: Codec,
    pub(crate) parts: Option<Parts>,
    pub(crate) ours: Verdict,
    pub(crate) theirs: Verdict,
}

/// A class of messages that are judged differently.
pub(crate) struct Difference {
    pub(crate) what: &'static str,
    pub(crate) codecs: &'static [Codec],
    /// What supports our side.
    pub(crate) paragraph: &'static str,
    /// Attributes of an UPDATE, and its NLRI.
    pub(crate) example: (&'static str, &'static str),
    pub(crate) holds: fn(&Case) -> bool,
}

/// Types that we know; they have their own flags.
const KNOWN: [u8; 19] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 15, 16, 17, 18, 25, 26, 32, 35];

pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        what: "a fault in an UPDATE without advertised prefixes ends the session; rustbgpd leaves this to its caller",
        codecs: &[Codec::Rustbgpd],
        paragraph: "RFC 7606 section 5.2",
        example: ("40010103", ""),
        holds: |case| {
            case.outcomes() == (Outcome::Reset, Outcome::Withdraw)
                && case.parts.as_ref().is_some_and(|parts| !parts.has_reach())
        },
    },
    Difference {
        what: "an unknown attribute that claims to be well-known ends the session",
        codecs: &[Codec::Rustbgpd, Codec::Netgauze],
        paragraph: "RFC 4271 section 6.3 (Unrecognized Well-known Attribute), which RFC 7606 does not revise",
        example: ("40010100 4002060201 0000fdea 4003040a000001 40630101", "080a"),
        holds: |case| {
            case.ours.outcome == Outcome::Reset
                && case.has(|flags, kind, _| flags & 0x80 == 0 && !KNOWN.contains(&kind))
        },
    },
    Difference {
        what: "an AS_SET is read; rustbgpd refuses it as RFC 9774 wants, which we leave to import policy",
        codecs: &[Codec::Rustbgpd],
        paragraph: "RFC 4271 section 4.3 (a); RFC 9774 is not offered here",
        example: ("40010100 4002060101 0000fdea 4003040a000001", "080a"),
        holds: |case| case.theirs.why.contains("ProhibitedAsSet") && case.ours.outcome <= Outcome::Discard,
    },
    Difference {
        what: "prefixes of a family that nobody agreed on are ignored",
        codecs: &[Codec::Rustbgpd, Codec::Netgauze],
        paragraph: "RFC 7606 section 2 (AFI/SAFI disable), RFC 4760 section 7",
        example: ("40010100 4002060201 0000fdea 4003040a000001 800f05 7fff 01 0102", "080a"),
        holds: |case| {
            case.theirs.outcome == Outcome::Reset
                && case.ours.outcome != Outcome::Reset
                && case.has(|_, kind, value| matches!(kind, 14 | 15) && family(value).is_none())
        },
    },
    Difference {
        what: "only the first of equal attributes counts; netgauze hands out all",
        codecs: &[Codec::Netgauze],
        paragraph: "RFC 7606 section 3 (g)",
        example: ("40010100 4002060201 0000fdea 4003040a000001 80040400000001 80040400000002", "080a"),
        holds: |case| case.netgauze_misses("DuplicateAttribute"),
    },
    Difference {
        what: "mandatory attributes are asked for; netgauze leaves this to its caller",
        codecs: &[Codec::Netgauze],
        paragraph: "RFC 7606 section 3 (d)",
        example: ("4002060201 0000fdea 4003040a000001", "080a"),
        holds: |case| case.netgauze_misses("MissingWellKnown"),
    },
    Difference {
        what: "a next hop has to be a host, which 0.1.2.3 is not; rustbgpd takes it, netgauze leaves this to its caller",
        codecs: &[Codec::Rustbgpd, Codec::Netgauze],
        paragraph: "RFC 4271 section 6.3, RFC 1122 section 3.2.1.3",
        example: ("40010100 4002060201 0000fdea 4003 04 00010203", "080a"),
        holds: |case| case.theirs.outcome <= Outcome::Discard && case.ours.why.contains("InvalidNextHop"),
    },
    Difference {
        what: "what has no place in a session with this peer is discarded; netgauze does not know the peer",
        codecs: &[Codec::Netgauze],
        paragraph: "RFC 7606 sections 7.5, 7.9 and 7.10; RFC 6793 section 4.1",
        example: ("40010100 4002060201 0000fdea 4003040a000001 c01106 0201 0000fdea", "080a"),
        holds: |case| case.netgauze_misses("Misplaced"),
    },
    Difference {
        what: "AS 0 in a path is an error",
        codecs: &[Codec::Netgauze],
        paragraph: "RFC 7607 section 2",
        example: ("40010100 4002060201 00000000 4003040a000001", "080a"),
        holds: |case| case.netgauze_misses("AS 0"),
    },
    Difference {
        what: "extended communities that netgauze does not know come out of it as others",
        codecs: &[Codec::Netgauze],
        paragraph: "RFC 4360 section 6: what is not recognised is carried along as it is",
        example: ("40010100 4002060201 0000fdea 4003040a000001 c01008 0209000000000000", "080a"),
        holds: |case| {
            let rest = |verdict: &Verdict| {
                let mut update = verdict.update.clone()?;
                update.attributes.extended_communities.clear();
                Some(update)
            };
            case.outcomes() == (Outcome::Fine, Outcome::Fine) && rest(&case.ours) == rest(&case.theirs)
        },
    },
    Difference {
        what: "what has no place in a session with this peer is discarded whatever its flags are",
        codecs: &[Codec::Rustbgpd],
        paragraph: "RFC 6793 section 4.1, RFC 7606 sections 7.5, 7.9 and 7.10",
        example: ("40010100 4002060201 0000fdea 4003040a000001 801106 0201 0000fdea", "080a"),
        holds: |case| {
            case.outcomes() == (Outcome::Discard, Outcome::Withdraw) && case.ours.why.contains("Misplaced")
        },
    },
    Difference {
        what: "an UPDATE with nothing but an attribute that is ignored does not end a RIB",
        codecs: &[Codec::Rustbgpd],
        paragraph: "RFC 4724 section 2: the marker has the minimum length, or only MP_UNREACH_NLRI",
        example: ("80c903000201", ""),
        holds: |case| {
            case.outcomes() == (Outcome::Fine, Outcome::Fine)
                && case.ours.update.as_ref().is_some_and(|update| update.end_of_rib.is_none())
                && case.theirs.update.as_ref().is_some_and(|update| update.end_of_rib.is_some())
                && case.has(|flags, kind, _| flags & 0xc0 == 0x80 && !KNOWN.contains(&kind))
        },
    },
    Difference {
        what: "attributes that we do not know are not looked into",
        codecs: &[Codec::Rustbgpd],
        paragraph: "RFC 4271 section 9",
        example: ("40010100 4002060201 0000fdea 4003040a000001 c02203 9a4264", "080a"),
        holds: |case| {
            case.ours.outcome <= Outcome::Discard
                && case.theirs.outcome != Outcome::Reset
                && case.has(|_, kind, _| !KNOWN.contains(&kind))
        },
    },
    Difference {
        what: "what stands for a link-local next hop and is none is left out, the global one is good",
        codecs: &[Codec::Rustbgpd, Codec::Netgauze],
        paragraph: "RFC 7606 section 7.11 asks for the length only; RFC 2545 section 3",
        example: (
            "800e26 0002 01 20 20010db8000000000000000000000001 80000000000000000000000000000001 00 00 40010100 400200",
            "",
        ),
        holds: |case| {
            case.ours.outcome <= Outcome::Discard
                && case.has(|_, kind, value| {
                    kind == 14
                        && value.get(3) == Some(&32)
                        && value.get(20..22).is_some_and(|two| two != [0xfe, 0x80])
                })
        },
    },
    Difference {
        what: "the length of a next hop counts; netgauze takes any for IPv6",
        codecs: &[Codec::Netgauze],
        paragraph: "RFC 7606 section 7.11",
        example: ("800e16 0002 01 11 20010db8000000000000000000000001 00 00 40010100 400200", ""),
        holds: |case| {
            let good: fn(u8) -> &'static [u8] = |afi| if afi == 2 { &[16, 32] } else { &[4, 16, 32] };
            case.ours.outcome == Outcome::Reset
                && case.has(|_, kind, value| {
                    kind == 14 && matches!(value, [0, afi, _, length, ..] if !good(*afi).contains(length))
                })
        },
    },
    Difference {
        what: "a prefix of addresses that are not for hosts is read; netgauze leaves it out or refuses the message",
        codecs: &[Codec::Netgauze],
        paragraph: "RFC 4271 section 6.3: such a prefix is ignored, not its message; import policy does that",
        example: ("40010100 4002060201 0000fdea 4003040a000001", "03e0"),
        holds: |case| {
            let count = |verdict: &Verdict| {
                verdict.update.as_ref().map(|update| {
                    update.reach.iter().map(|reach| reach.nlri.len()).sum::<usize>()
                        + update.unreach.iter().map(|unreach| unreach.nlri.len()).sum::<usize>()
                })
            };
            case.ours.outcome <= Outcome::Discard
                && (case.theirs.why.contains("unicast address: in prefix")
                    || count(&case.ours) > count(&case.theirs))
        },
    },
    Difference {
        what: "the Partial bit is not checked",
        codecs: &[Codec::Netgauze],
        paragraph: "RFC 7606 section 3 (c) speaks of the Optional and Transitive bits only",
        example: ("40010100 4002060201 0000fdea 4003040a000001 e02304 0000fde9", "080a"),
        holds: |case| {
            case.ours.outcome <= Outcome::Discard && case.theirs.why.contains("Invalid partial flag")
        },
    },
    Difference {
        what: "the Partial bit is not checked, on multiprotocol attributes neither",
        codecs: &[Codec::Rustbgpd],
        paragraph: "RFC 7606 section 3 (c) speaks of the Optional and Transitive bits only",
        example: ("40010100 4002060201 0000fdea 4003040a000001 a00f03000201", "080a"),
        holds: |case| {
            case.ours.outcome < case.theirs.outcome
                && case.has(|flags, kind, _| flags & 0x20 != 0 && KNOWN.contains(&kind))
        },
    },
    Difference {
        what: "NEXT_HOP is mandatory beside the NLRI field; rustbgpd asks external peers only",
        codecs: &[Codec::Rustbgpd],
        paragraph: "RFC 4271 sections 5 and 5.1.3, RFC 7606 section 3 (d)",
        example: ("40010100 4002060201 0000fdea", "080a"),
        holds: |case| {
            case.ours.outcome == Outcome::Withdraw
                && case.ours.why.contains("MissingWellKnown(3)")
                && case.theirs.outcome <= Outcome::Discard
        },
    },
    Difference {
        what: "the length of ORIGINATOR_ID counts; netgauze reads the first four octets of more",
        codecs: &[Codec::Netgauze],
        paragraph: "RFC 7606 section 7.9",
        example: ("40010100 4002060201 0000fdea 4003040a000001 800905 0a00000100", "080a"),
        holds: |case| {
            case.netgauze_misses("AttributeLength") && case.has(|_, kind, value| kind == 9 && value.len() > 4)
        },
    },
    Difference {
        what: "a list of no communities is an error; netgauze takes it",
        codecs: &[Codec::Netgauze],
        paragraph: "RFC 8092 section 6, RFC 7606 sections 4, 7.8, 7.10, 7.14 and 7.15",
        example: ("40010100 4002060201 0000fdea 4003040a000001 c02000", "080a"),
        holds: |case| {
            case.netgauze_misses("AttributeLength")
                && case.has(|_, kind, value| [8, 10, 16, 25, 32].contains(&kind) && value.is_empty())
        },
    },
];

/// The family in front of the value of a multiprotocol attribute.
fn family(value: &[u8]) -> Option<Family> {
    let [high, low, safi, ..] = value else { return None };
    Family::from_afi_safi(u16::from_be_bytes([*high, *low]), *safi)
}

/// A whole UPDATE.
pub(crate) fn message((attributes, nlri): (&str, &str)) -> Vec<u8> {
    let hex = |text: &str| -> Vec<u8> {
        let digits: String = text.split_whitespace().collect();
        (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect()
    };
    let (attributes, nlri) = (hex(attributes), hex(nlri));
    let mut bytes = vec![0xff; 16];
    bytes.extend_from_slice(&u16::try_from(23 + attributes.len() + nlri.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(&[2, 0, 0]);
    bytes.extend_from_slice(&u16::try_from(attributes.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(&attributes);
    bytes.extend_from_slice(&nlri);
    bytes
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}: ours {:?} ({})", self.codec, self.ours.outcome, self.ours.why)?;
        writeln!(f, "theirs {:?} ({})", self.theirs.outcome, self.theirs.why)?;
        write!(f, "{:02x?}", self.parts)?;
        if self.ours.update == self.theirs.update {
            return Ok(());
        }
        write!(f, "\nours   {:?}\ntheirs {:?}", self.ours.update, self.theirs.update)
    }
}

impl Case {
    pub(crate) fn new(codec: Codec, bytes: &[u8], context: Context) -> Self {
        let (ours, mut theirs) = (ours(bytes, &context), codec.verdict(bytes, &context));
        // netgauze has names for the families that we ignore, no numbers.
        if let (Codec::Netgauze, Some(ours), Some(theirs)) = (codec, &ours.update, &mut theirs.update)
            && ours.ignored.len() == theirs.ignored.len()
        {
            theirs.ignored.clone_from(&ours.ignored);
        }
        Self { codec, parts: Parts::of(bytes), ours, theirs }
    }

    /// True when there is nothing to explain.
    pub(crate) fn agrees(&self) -> bool {
        match self.codec {
            Codec::Rustbgpd => {
                self.ours.outcome == self.theirs.outcome && self.ours.update == self.theirs.update
            }
            // It knows nothing between taking and refusing a message.
            Codec::Netgauze if self.ours.outcome == Outcome::Fine => {
                self.theirs.outcome == Outcome::Fine && self.ours.update == self.theirs.update
            }
            Codec::Netgauze => self.theirs.outcome != Outcome::Fine,
        }
    }

    fn outcomes(&self) -> (Outcome, Outcome) {
        (self.ours.outcome, self.theirs.outcome)
    }

    /// True when netgauze takes a message in which we find this.
    fn netgauze_misses(&self, error: &str) -> bool {
        self.theirs.outcome == Outcome::Fine && self.ours.why.contains(error)
    }

    /// True when an attribute (flags, type, value) is like this.
    fn has(&self, like: impl Fn(u8, u8, &[u8]) -> bool) -> bool {
        let attributes = self.parts.iter().flat_map(|parts| &parts.attributes);
        attributes.into_iter().any(|(flags, kind, value)| like(*flags, *kind, value))
    }
}
