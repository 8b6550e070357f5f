//! Who is shown the sessions: the blocks `bmp` and `mrt`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use guideway_bgp_config::Problem;
use guideway_bgp_config::addresses::{bounded, or_off, switch};
use guideway_bgp_config::fields::{Section, number, parsed, text};
use guideway_bgp_config::yaml::{Node, Value};
use guideway_bgp_monitor::{MonitorSettings, MrtSettings, StationSettings};

const MAX_STATIONS: usize = 8;
const BUFFER: std::ops::RangeInclusive<usize> = (64 << 10)..=(64 << 20);
const DAY: Duration = Duration::from_secs(86_400);
const FILE: std::ops::RangeInclusive<u64> = (1 << 20)..=(1 << 40);

/// The blocks of the document. Names of the system are not its business.
pub(super) fn monitoring(document: &mut Section<'_>, problems: &mut Vec<Problem>) -> MonitorSettings {
    let stations = document.node("bmp").map(|node| stations(node, problems)).unwrap_or_default();
    let mrt = document.node("mrt").and_then(|node| mrt(node, problems));
    MonitorSettings { stations, mrt, ..MonitorSettings::default() }
}

fn stations(node: &Node, problems: &mut Vec<Problem>) -> Vec<StationSettings> {
    let list = match &node.value {
        Value::List(list) if list.len() <= MAX_STATIONS => list,
        _ => {
            let reason = format!("must be a list of at most {MAX_STATIONS} stations");
            problems.push(Problem { line: node.line, field: "bmp".to_owned(), reason });
            return Vec::new();
        }
    };
    let mut stations: Vec<StationSettings> = Vec::new();
    for (index, node) in list.iter().enumerate() {
        let path = format!("bmp[{index}]");
        let Some(station) = station(&path, node, problems) else { continue };
        if stations.iter().any(|other| other.address == station.address) {
            let reason = format!("{} is a station already", station.address);
            problems.push(Problem { line: node.line, field: path, reason });
            continue;
        }
        stations.push(station);
    }
    stations
}

fn station(path: &str, node: &Node, problems: &mut Vec<Problem>) -> Option<StationSettings> {
    let mut section = Section::open(path, node, problems);
    let what = "an address with a port, such as 192.0.2.10:5000";
    let address = section.required("address", problems, parsed::<SocketAddr>(what));
    let local = section.optional("local_address", problems, parsed::<IpAddr>("an IPv4 or IPv6 address"));
    let received = section.optional("adj_rib_in", problems, switch);
    let sent = section.optional("adj_rib_out", problems, switch);
    let time = |value: &Value| {
        bounded(value, Duration::from_secs(5), Duration::from_secs(3600), "off, or 5s to 3600s")
    };
    let statistics = section.optional("statistics", problems, |value| or_off(value, time));
    let buffer = section.optional("buffer", problems, buffer);
    section.close(problems);
    let mut station = StationSettings::new(address?.value);
    if let Some(found) = local {
        if found.value.is_ipv4() != station.address.is_ipv4() {
            let reason = format!("must be of the same family as {}", station.address);
            problems.push(Problem { line: found.line, field: format!("{path}.local_address"), reason });
        }
        station.local_address = Some(found.value);
    }
    station.adj_rib_in = received.map_or(station.adj_rib_in, |found| found.value);
    station.adj_rib_out = sent.map_or(station.adj_rib_out, |found| found.value);
    station.statistics = statistics.and_then(|found| found.value);
    station.buffer = buffer.map_or(station.buffer, |found| found.value);
    Some(station)
}

fn mrt(node: &Node, problems: &mut Vec<Problem>) -> Option<MrtSettings> {
    let mut section = Section::open("mrt", node, problems);
    let directory = section.required("directory", problems, text);
    let prefix = section.optional("prefix", problems, name);
    let max_octets = section.optional("max_octets", problems, |value| {
        let range = "1048576 to 1099511627776";
        match number::<u64>(range)(value)? {
            octets if FILE.contains(&octets) => Ok(octets),
            other => Err(format!("{other} is not in {range}")),
        }
    });
    let age = |value: &Value| bounded(value, Duration::from_secs(60), DAY, "60s to 24h");
    let max_age = section.optional("max_age", problems, age);
    let keep = section.optional("keep", problems, number::<usize>("0 to 18446744073709551615"));
    let buffer = section.optional("buffer", problems, buffer);
    let off_or_time = |value: &Value| {
        or_off(value, |value| bounded(value, Duration::from_secs(60), DAY, "off, or 60s to 24h"))
    };
    let table_dump = section.optional("table_dump", problems, off_or_time);
    section.close(problems);
    let mut mrt = MrtSettings::new(PathBuf::from(directory?.value));
    mrt.prefix = prefix.map_or(mrt.prefix, |found| found.value);
    mrt.max_octets = max_octets.map_or(mrt.max_octets, |found| found.value);
    mrt.max_age = max_age.map_or(mrt.max_age, |found| found.value);
    mrt.keep = keep.map_or(mrt.keep, |found| found.value);
    mrt.buffer = buffer.map_or(mrt.buffer, |found| found.value);
    mrt.table_dump = table_dump.and_then(|found| found.value);
    Some(mrt)
}

fn buffer(value: &Value) -> Result<usize, String> {
    let range = "65536 to 67108864 octets";
    match number::<usize>(range)(value)? {
        octets if BUFFER.contains(&octets) => Ok(octets),
        other => Err(format!("{other} is not in {range}")),
    }
}

/// A part of a file's name.
fn name(value: &Value) -> Result<String, String> {
    let text = text(value)?;
    let good = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if text.len() <= 64 && text.chars().all(good) {
        Ok(text)
    } else {
        Err("must be at most 64 letters, digits, - and _".to_owned())
    }
}
