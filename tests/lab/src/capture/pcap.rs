//! Reads capture files of link type `LINUX_SLL2`.

use std::time::Duration;

use anyhow::{Result, bail};

const MAGIC_MICROS: u32 = 0xa1b2_c3d4;
const LINKTYPE_LINUX_SLL2: u32 = 276;
const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
const SLL2_HEADER: usize = 20;
/// `sll2_pkttype` of a packet that leaves (PACKET_OUTGOING of if_packet.h).
const OUTGOING: u8 = 4;

/// The way of a packet, seen from the machine that captures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// It arrived.
    In,
    /// It left.
    Out,
}

/// One packet of the file, from its network header on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    pub(super) at: Duration,
    pub(super) interface: u32,
    pub(super) direction: Direction,
    pub(super) bytes: &'a [u8],
}

/// The packets of a file; a record that was cut off at the end is left out.
pub(super) fn packets(file: &[u8]) -> Result<Vec<Packet<'_>>> {
    if word(file, 0) != Some(MAGIC_MICROS) || word(file, 20) != Some(LINKTYPE_LINUX_SLL2) {
        bail!("not a capture file of type LINUX_SLL2 in this machine's byte order");
    }
    let mut packets = Vec::new();
    let mut place = FILE_HEADER;
    while let (Some(seconds), Some(micros), Some(length)) =
        (word(file, place), word(file, place + 4), word(file, place + 8))
    {
        let start = place + RECORD_HEADER;
        let Some(record) = file.get(start..start + length as usize) else { break };
        place = start + length as usize;
        // SLL2: protocol 2, reserved 2, ifindex 4, arphrd 2, pkttype 1, address length 1, address 8.
        let (Some(interface), Some(bytes)) = (record.get(4..8), record.get(SLL2_HEADER..)) else { continue };
        packets.push(Packet {
            at: Duration::new(seconds.into(), micros * 1000),
            interface: u32::from_be_bytes([interface[0], interface[1], interface[2], interface[3]]),
            direction: if record[10] == OUTGOING { Direction::Out } else { Direction::In },
            bytes,
        });
    }
    Ok(packets)
}

fn word(bytes: &[u8], place: usize) -> Option<u32> {
    let four = bytes.get(place..place + 4)?;
    Some(u32::from_ne_bytes([four[0], four[1], four[2], four[3]]))
}

#[cfg(test)]
mod tests {
    use super::{Direction, packets};

    fn file(records: &[&[u8]]) -> Vec<u8> {
        let mut file = Vec::new();
        for value in [0xa1b2_c3d4_u32, 0, 0, 0, 0, 276] {
            file.extend(value.to_ne_bytes());
        }
        for record in records {
            let length = u32::try_from(record.len()).unwrap();
            for value in [7, 500, length, length] {
                file.extend(value.to_ne_bytes());
            }
            file.extend(*record);
        }
        file
    }

    #[test]
    fn records_give_interface_direction_and_bytes() {
        let record = [8, 0, 0, 0, 0, 0, 0, 5, 0, 1, 4, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0x45, 0];
        let file = file(&[&record, &record]);
        let packets = packets(&file).unwrap();
        assert_eq!(packets.len(), 2);
        assert_eq!((packets[0].interface, packets[0].direction), (5, Direction::Out));
        assert_eq!(packets[0].bytes, [0x45, 0]);
        assert_eq!(packets[0].at.subsec_micros(), 500);
    }

    #[test]
    fn a_cut_file_gives_what_is_whole_and_another_file_is_refused() {
        let record = [0_u8; 24];
        let mut file = file(&[&record, &record]);
        file.truncate(file.len() - 3);
        assert_eq!(packets(&file).unwrap().len(), 1);
        assert!(packets(b"GIF89a").is_err());
    }
}
