//! RFC 7606, attribute by attribute.

mod attributes;

use super::{decode_update, hex, update};
use crate::{Approach, AsWidth, Attributes, Context, Family, NextHop, Nlri, Update};
use attributes::{ATTRIBUTES, Attribute, Sender};

/// What is done about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Nothing is wrong.
    Fine,
    /// Attribute discard.
    Discard,
    /// Treat-as-withdraw.
    Withdraw,
    /// Session reset.
    Reset,
}

use Outcome::{Discard, Fine, Reset, Withdraw};

fn prefix() -> Nlri {
    Nlri::new("203.0.113.10/32".parse().unwrap())
}

/// The three mandatory attributes without `kind`, then `more`, and the prefix.
fn message(kind: u8, more: &str, context: &Context) -> Vec<u8> {
    let path = match context.as_width {
        AsWidth::Two => "4002040201 fdea",
        AsWidth::Four => "4002060201 0000fdea",
    };
    let mandatory = [(1, "40010100"), (2, path), (3, "4003040a000001")];
    let rest: Vec<&str> = mandatory.iter().filter(|(each, _)| *each != kind).map(|(_, text)| *text).collect();
    update(&format!("{} {more}", rest.concat()), "20 cb00710a")
}

fn attribute(flags: u8, kind: u8, value: &str) -> String {
    format!("{flags:02x}{kind:02x}{:02x} {value}", hex(value).len())
}

fn outcome(bytes: &[u8], context: &Context) -> (Outcome, Option<Update>) {
    let Ok(update) = decode_update(bytes, context) else { return (Reset, None) };
    let worst = update.faults.iter().map(|fault| fault.approach).max();
    let outcome = match worst {
        None => Fine,
        Some(Approach::AttributeDiscard) => Discard,
        Some(Approach::TreatAsWithdraw) => Withdraw,
    };
    (outcome, Some(update))
}

/// Checks the outcome, and that what is left of the message is what the outcome means.
fn check(name: &str, kind: u8, more: &str, context: &Context, expected: Outcome) {
    let (found, update) = outcome(&message(kind, more, context), context);
    assert_eq!(found, expected, "{name}, {context:?}: {more}");
    let Some(update) = update else { return };
    assert!(update.faults.iter().all(|fault| !fault.error.to_string().is_empty()));
    let prefixes = |sets: Vec<&Vec<Nlri>>| sets.into_iter().flatten().copied().collect::<Vec<_>>();
    let reach = prefixes(update.reach.iter().map(|reach| &reach.nlri).collect());
    let unreach = prefixes(update.unreach.iter().map(|unreach| &unreach.nlri).collect());
    match expected {
        Withdraw => {
            assert!(reach.is_empty() && unreach.contains(&prefix()), "{name}: {update:?}");
            assert_eq!(update.attributes, Attributes::default(), "{name}");
        }
        _ => assert!(reach.contains(&prefix()) && !unreach.contains(&prefix()), "{name}: {update:?}"),
    }
}

/// The context that an attribute is tested in, and the same with an external peer.
fn contexts(row: &Attribute) -> [Context; 2] {
    let as_width = if row.sender == Sender::Old { AsWidth::Two } else { AsWidth::Four };
    let internal = Context { as_width, ..Context::default() };
    [internal, Context { external: true, ..internal }]
}

/// `outcome`, or what becomes of an attribute that has no place in a session with this peer: it is not looked into.
fn unless_misplaced(row: &Attribute, context: &Context, outcome: Outcome) -> Outcome {
    if row.sender == Sender::Internal && context.external { Discard } else { outcome }
}

#[test]
fn good_attributes() {
    for row in ATTRIBUTES {
        for context in contexts(row) {
            let expected = unless_misplaced(row, &context, Fine);
            check(row.name, row.kind, &attribute(row.flags, row.kind, row.good), &context, expected);
            // The Partial bit is not in RFC 7606 section 3 (c), and a length may always have two octets.
            check(row.name, row.kind, &attribute(row.flags | 0x20, row.kind, row.good), &context, expected);
            let long =
                format!("{:02x}{:02x}{:04x} {}", row.flags | 0x10, row.kind, hex(row.good).len(), row.good);
            check(row.name, row.kind, &long, &context, expected);
        }
    }
}

/// RFC 7606 section 3 (c), section 5.3.
#[test]
fn wrong_flags() {
    for row in ATTRIBUTES {
        for context in contexts(row) {
            for flags in [0x00, 0x40, 0x80, 0xc0].into_iter().filter(|flags| *flags != row.flags) {
                let expected = unless_misplaced(row, &context, row.wrong_flags);
                check(row.name, row.kind, &attribute(flags, row.kind, row.good), &context, expected);
            }
        }
    }
}

/// RFC 7606 sections 4 and 7.
#[test]
fn wrong_lengths_and_values() {
    for row in ATTRIBUTES {
        for context in contexts(row) {
            let bad = |value: &str, outcome| {
                let expected = unless_misplaced(row, &context, outcome);
                check(row.name, row.kind, &attribute(row.flags, row.kind, value), &context, expected);
            };
            bad("", row.empty);
            let octets = hex(row.good).len();
            if octets > 1 {
                let digits: String = row.good.chars().filter(|digit| !digit.is_whitespace()).collect();
                bad(&digits[..2 * octets - 2], row.wrong_length);
            }
            bad(&format!("{} ff", row.good), row.wrong_length);
            for (value, outcome) in row.bad {
                bad(value, *outcome);
            }
            for (value, internal, external) in row.bad_by_peer {
                bad(value, if context.external { *external } else { *internal });
            }
        }
    }
}

/// RFC 7606 section 3 (g).
#[test]
fn duplicates() {
    for row in ATTRIBUTES {
        for context in contexts(row) {
            let once = attribute(row.flags, row.kind, row.good);
            check(row.name, row.kind, &format!("{once} {once}"), &context, row.twice);
            if row.twice == Discard
                && row.wrong_length == Withdraw
                && unless_misplaced(row, &context, Fine) == Fine
            {
                // The first one counts, so what is wrong with the second one does not matter; and the other way round.
                let bad = attribute(row.flags, row.kind, &format!("{} ff", row.good));
                check(row.name, row.kind, &format!("{once} {bad}"), &context, Discard);
                check(row.name, row.kind, &format!("{bad} {once}"), &context, Withdraw);
            }
        }
    }
    let two = "80040400000001 80040400000002";
    let (_, update) = outcome(&message(0, two, &Context::default()), &Context::default());
    assert_eq!(update.unwrap().attributes.med, Some(1));
}

/// RFC 7606 section 3 (d).
#[test]
fn missing_attributes() {
    for row in ATTRIBUTES {
        for context in contexts(row) {
            check(row.name, row.kind, "", &context, row.missing);
        }
    }
    // NEXT_HOP is mandatory for the NLRI field only.
    let reach = "800e16 0002 01 10 fd090000000000000000000000000001 00 00";
    let context = Context::default();
    assert_eq!(outcome(&update(&format!("{reach} 40010100 400200"), ""), &context).0, Fine);
    assert_eq!(outcome(&update(&format!("{reach} 40010100"), ""), &context).0, Withdraw);
    assert_eq!(outcome(&update(&format!("{reach} 400200"), ""), &context).0, Withdraw);
    // Withdrawals need none.
    assert_eq!(outcome(&update("800f04 00020100", ""), &context).0, Fine);
}

/// RFC 7606 section 4: the last attribute runs over the end of the list; the NLRI field is where the lengths say.
#[test]
fn overruns() {
    for row in ATTRIBUTES {
        for context in contexts(row) {
            let expected = if [14, 15].contains(&row.kind) { Reset } else { Withdraw };
            for cut in ["", "ff", "ff 00"] {
                let more = format!("{:02x}{:02x} {cut}", row.flags, row.kind);
                check(row.name, row.kind, &more, &context, expected);
            }
            // Two octets of length, one of them there.
            let more = format!("{:02x}{:02x} 00", row.flags | 0x10, row.kind);
            check(row.name, row.kind, &more, &context, expected);
            // A good one in front does not help.
            let once = attribute(row.flags, row.kind, row.good);
            let more = format!("{once} {:02x}{:02x} ff", row.flags, row.kind);
            check(row.name, row.kind, &more, &context, expected);
        }
    }
    check("a lone flags octet", 0, "40", &Context::default(), Withdraw);
}

/// RFC 7606 section 3 (h): the strongest action wins.
#[test]
fn several_faults() {
    let context = Context::default();
    let rows = [
        ("discard, discard", "40060100 c0070100", Discard),
        ("discard, withdraw", "40060100 80040100", Withdraw),
        ("withdraw, discard", "80040100 40060100", Withdraw),
        ("withdraw, reset", "80040100 40630101", Reset),
        ("overrun behind discard", "40060100 8004ff", Withdraw),
    ];
    for (name, more, expected) in rows {
        check(name, 0, more, &context, expected);
    }
    let (_, update) = outcome(&message(0, "40060100 c0070100 80040100", &context), &context);
    let approaches: Vec<_> = update.unwrap().faults.iter().map(|fault| fault.approach).collect();
    assert_eq!(
        approaches,
        [Approach::AttributeDiscard, Approach::AttributeDiscard, Approach::TreatAsWithdraw]
    );
}

/// What is treated as withdrawn comes from everywhere in the message, each family once.
#[test]
fn all_prefixes_are_withdrawn() {
    let next_hop = "10 fd090000000000000000000000000001 00";
    let bytes = super::whole(&format!(
        "02 0002 080a {:04x} {} {} 080b",
        29 + 10 + 4,
        format_args!("800e1a 0002 01 {next_hop} 20 20010db8"),
        "800f07 0001 01 18 0c0000 40010103",
    ));
    let update = decode_update(&bytes, &Context::default());
    let update = update.unwrap_or_else(|error| panic!("{error}"));
    let prefixes = |family| {
        let sets: Vec<_> = update.unreach.iter().filter(|unreach| unreach.family == family).collect();
        assert_eq!(sets.len(), 1);
        sets[0].nlri.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert!(update.reach.is_empty());
    assert_eq!(prefixes(Family::Ipv4), ["10.0.0.0/8", "12.0.0.0/24", "11.0.0.0/8"]);
    assert_eq!(prefixes(Family::Ipv6), ["2001:db8::/32"]);
}

/// RFC 7606 section 5.1: MP_REACH_NLRI may stand anywhere.
#[test]
fn the_multiprotocol_attribute_last() {
    let reach = "800e16 0002 01 10 fd090000000000000000000000000001 00 00";
    let rest = "40010100 400200";
    let context = Context::default();
    let first = decode_update(&update(&format!("{reach} {rest}"), ""), &context);
    assert!(first.as_ref().is_ok_and(|update| update.faults.is_empty()));
    assert_eq!(decode_update(&update(&format!("{rest} {reach}"), ""), &context), first);
}

/// RFC 4271 section 6.3 for the addresses, RFC 7606 section 3 (e) for what is done.
#[test]
fn next_hops_that_are_no_hosts() {
    let rows = [
        ("00000000", Withdraw),
        ("00ffffff", Withdraw),
        ("01000000", Fine),
        ("7effffff", Fine),
        ("7f000000", Withdraw),
        ("7fffffff", Withdraw),
        ("80000000", Fine),
        ("dfffffff", Fine),
        ("e0000000", Withdraw),
        ("f0000001", Withdraw),
        ("ffffffff", Withdraw),
    ];
    for (address, expected) in rows {
        check("NEXT_HOP", 3, &attribute(0x40, 3, address), &Context::default(), expected);
        let reach = format!("0001 01 04 {address} 00 08 0b");
        check("MP_REACH", 0, &attribute(0x80, 14, &reach), &Context::default(), expected);
    }
    let v6 = [
        ("::", Withdraw),
        ("::1", Withdraw),
        ("ff02::1", Withdraw),
        ("fe80::1", Fine),
        ("::ffff:10.0.0.1", Fine),
    ];
    for (address, expected) in v6 {
        let octets = address.parse::<std::net::Ipv6Addr>().unwrap().octets();
        let digits: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        let reach = format!("0002 01 10 {digits} 00 00");
        check("MP_REACH", 0, &attribute(0x80, 14, &reach), &Context::default(), expected);
    }
}

#[test]
fn a_good_message_beside_all_this() {
    let (found, update) = outcome(&message(0, "", &Context::default()), &Context::default());
    let update = update.unwrap();
    assert_eq!(found, Fine);
    assert_eq!(update.reach[0].next_hop, NextHop::V4([10, 0, 0, 1].into()));
}
