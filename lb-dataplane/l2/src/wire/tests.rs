use proptest::prelude::*;

use super::*;

const OURS: MacAddr = MacAddr(2, 0, 0, 0, 0, 1);
const THEIRS: MacAddr = MacAddr(2, 0, 0, 0, 0, 2);

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(char::is_ascii_hexdigit).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn v4(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn v6(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

const ARP_REQUEST: &str =
    "ffffffffffff 020000000002 0806 0001 0800 06 04 0001 020000000002 c0000207 000000000000 cb00710a";
const ARP_REPLY: &str =
    "020000000002 020000000001 0806 0001 0800 06 04 0002 020000000001 cb00710a 020000000002 c0000207";
const ARP_ANNOUNCEMENTS: [&str; 2] = [
    "ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 cb00710a 000000000000 cb00710a",
    "ffffffffffff 020000000001 0806 0001 0800 06 04 0002 020000000001 cb00710a 020000000001 cb00710a",
];
/// From 2001:db8::2 for 2001:db8::10, to its group.
const SOLICITATION: &str = "3333ff000010 020000000002 86dd 60000000 0020 3a ff
    20010db8000000000000000000000002 ff0200000000000000000001ff000010
    87 00 1c09 00000000 20010db8000000000000000000000010 01 01 020000000002";
const ADVERTISEMENT: &str = "020000000002 020000000001 86dd 60000000 0020 3a ff
    20010db8000000000000000000000010 20010db8000000000000000000000002
    88 00 8a55 60000000 20010db8000000000000000000000010 02 01 020000000001";
const UNSOLICITED: &str = "333300000001 020000000001 86dd 60000000 0020 3a ff
    20010db8000000000000000000000010 ff020000000000000000000000000001
    88 00 f90c 20000000 20010db8000000000000000000000010 02 01 020000000001";

#[test]
fn questions_and_their_answers() {
    let arp = Question::Arp { target: v4("203.0.113.10"), asker: v4("192.0.2.7"), mac: THEIRS };
    let probe = Question::Arp { asker: Ipv4Addr::UNSPECIFIED, target: v4("203.0.113.10"), mac: THEIRS };
    let neighbour =
        Question::Neighbour { target: v6("2001:db8::10"), asker: Some(v6("2001:db8::2")), mac: THEIRS };
    let claim = |address: &str| Some(Claim { address: address.parse().unwrap(), mac: THEIRS });
    let cases = [
        (ARP_REQUEST.to_owned(), arp, claim("192.0.2.7"), ARP_REPLY.to_owned()),
        (ARP_REQUEST.replace("c0000207", "00000000"), probe, None, ARP_REPLY.replace("c0000207", "00000000")),
        (SOLICITATION.to_owned(), neighbour, claim("2001:db8::2"), ADVERTISEMENT.to_owned()),
    ];
    for (asked, question, claim, answered) in cases {
        assert_eq!(parse(&bytes(&asked)), Some(Heard { question: Some(question), claim }), "{asked}");
        assert_eq!(answer(&question, OURS), bytes(&answered), "{question:?}");
    }
    // Trailing bytes of Ethernet say nothing.
    let padded = [bytes(ARP_REQUEST), vec![0; 18]].concat();
    assert_eq!(parse(&padded).unwrap().question, Some(arp));
}

#[test]
fn announcements_are_claims() {
    let frames = announcements("203.0.113.10".parse().unwrap(), OURS);
    assert_eq!(frames, ARP_ANNOUNCEMENTS.map(bytes));
    let claimed = |address: &str| Heard {
        question: None,
        claim: Some(Claim { address: address.parse().unwrap(), mac: OURS }),
    };
    for frame in frames {
        assert_eq!(parse(&frame), Some(claimed("203.0.113.10")));
    }
    let frames = announcements("2001:db8::10".parse().unwrap(), OURS);
    assert_eq!(frames, [bytes(UNSOLICITED)]);
    assert_eq!(parse(&frames[0]), Some(claimed("2001:db8::10")));
    assert_eq!(parse(&bytes(ADVERTISEMENT)), Some(claimed("2001:db8::10")));
}

#[test]
fn who_has_no_address_yet_is_answered_for_all_to_hear() {
    let unused = Question::Neighbour { target: v6("2001:db8::10"), asker: None, mac: THEIRS };
    assert_eq!(answer(&unused, OURS), bytes(UNSOLICITED));
    let without_option = solicitation(v6("::"), solicited_node(v6("2001:db8::10")), None, 255);
    assert_eq!(parse(&without_option), Some(Heard { question: Some(unused), claim: None }));
    let asked_alone = solicitation(v6("::"), v6("2001:db8::10"), None, 255);
    assert_eq!(parse(&asked_alone), None, "it has to be asked in the group");
    let with_option =
        solicitation(v6("::"), solicited_node(v6("2001:db8::10")), Some([1, 1, 2, 0, 0, 0, 0, 2]), 255);
    assert_eq!(parse(&with_option), None, "it has no address to be answered to");
}

/// A solicitation for 2001:db8::10 with a right checksum.
fn solicitation(source: Ipv6Addr, destination: Ipv6Addr, option: Option<[u8; 8]>, hop_limit: u8) -> Vec<u8> {
    let mut message = bytes("87 00 0000 00000000 20010db8000000000000000000000010");
    message.extend(option.into_iter().flatten());
    let sum = checksum(&Icmpv6Packet::new(&message).unwrap(), &source, &destination);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let length = u8::try_from(message.len()).unwrap();
    let mut frame = bytes("3333ff000010 020000000002 86dd 60000000 00");
    frame.extend([length, 58, hop_limit]);
    [frame, source.octets().to_vec(), destination.octets().to_vec(), message].concat()
}

#[test]
fn a_neighbour_without_the_option_is_answered_where_it_is() {
    let asked = solicitation(v6("fe80::2"), v6("2001:db8::10"), None, 255);
    let question = parse(&asked).unwrap().question;
    let expected =
        Question::Neighbour { target: v6("2001:db8::10"), asker: Some(v6("fe80::2")), mac: THEIRS };
    assert_eq!(question, Some(expected));
}

#[test]
fn what_is_not_as_it_has_to_be_is_nothing() {
    let arp = |from: &str, to: &str| bytes(&ARP_REQUEST.replacen(from, to, 1));
    let cases = [
        ("another protocol", arp("0806", "0800")),
        ("another link", arp("0806 0001", "0806 0006")),
        ("another address family", arp("0800", "86dd")),
        ("longer addresses", arp("06 04", "06 10")),
        ("another operation", arp("04 0001", "04 0003")),
        ("a multicast sender", arp("0001 020000000002", "0001 030000000002")),
        ("no sender", arp("0001 020000000002", "0001 000000000000")),
        ("a short one", bytes(ARP_REQUEST)[..41].to_vec()),
        ("a routed solicitation", solicitation(v6("fe80::2"), v6("2001:db8::10"), None, 254)),
        ("an option without a length", {
            solicitation(v6("fe80::2"), v6("2001:db8::10"), Some([1, 0, 2, 0, 0, 0, 0, 2]), 255)
        }),
        ("an option past the end", {
            solicitation(v6("fe80::2"), v6("2001:db8::10"), Some([1, 2, 2, 0, 0, 0, 0, 2]), 255)
        }),
        ("a multicast asker", solicitation(v6("ff02::1"), v6("2001:db8::10"), None, 255)),
        ("a wrong checksum", bytes(&SOLICITATION.replace("1c09", "1c0a"))),
        ("a payload past the end", bytes(&SOLICITATION.replace("0020 3a", "0021 3a"))),
        ("a payload that ends before it", bytes(&SOLICITATION.replace("0020 3a", "0017 3a"))),
        ("a solicited advertisement for all", {
            let frame = bytes(UNSOLICITED);
            // The Solicited flag, and the checksum with it.
            let mut wrong = frame.clone();
            wrong[58] |= 0x40;
            wrong[56] = wrong[56].wrapping_sub(0x40);
            wrong
        }),
    ];
    for (what, frame) in cases {
        assert_eq!(parse(&frame), None, "{what}");
    }
}

#[test]
fn groups_have_the_last_three_bytes() {
    assert_eq!(solicited_node(v6("2001:db8::1234:5678")), v6("ff02::1:ff34:5678"));
}

fn question() -> impl Strategy<Value = Question> {
    let mac = any::<[u8; 5]>().prop_map(|[a, b, c, d, e]| MacAddr::new(2, a, b, c, d, e));
    let arp = (any::<[u8; 4]>(), any::<[u8; 4]>());
    let neighbour = (any::<[u8; 15]>(), any::<[u8; 15]>());
    prop_oneof![
        (arp, mac.clone()).prop_map(|((target, asker), mac)| Question::Arp {
            target: target.into(),
            asker: asker.into(),
            mac
        }),
        (neighbour, mac).prop_map(|((target, asker), mac)| {
            let unicast = |tail: [u8; 15]| {
                let mut octets = [0x20; 16];
                octets[1..].copy_from_slice(&tail);
                Ipv6Addr::from(octets)
            };
            Question::Neighbour { target: unicast(target), asker: Some(unicast(asker)), mac }
        }),
    ]
}

proptest! {
    #[test]
    fn any_bytes_never_panic(frame in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&frame);
    }

    /// Past the first checks.
    #[test]
    fn spoiled_frames_never_panic(
        at in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
        which in 0_usize..4,
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut frame = bytes([ARP_REQUEST, SOLICITATION, ADVERTISEMENT, UNSOLICITED][which]);
        for (at, byte) in at {
            let at = at.index(frame.len());
            frame[at] = byte;
        }
        frame.truncate(cut.index(frame.len() + 1));
        let _ = parse(&frame);
    }

    /// What answers is a claim of the address that was asked for, and of nothing else.
    #[test]
    fn answers_are_claims(question in question()) {
        let heard = parse(&answer(&question, OURS)).unwrap();
        prop_assert_eq!(heard.question, None);
        match question.target() {
            IpAddr::V4(v4) if v4.is_unspecified() => prop_assert_eq!(heard.claim, None),
            address => prop_assert_eq!(heard.claim, Some(Claim { address, mac: OURS })),
        }
    }
}
