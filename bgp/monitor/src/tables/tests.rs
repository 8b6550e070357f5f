use std::time::UNIX_EPOCH;

use bgpkit_parser::models::{MrtMessage, TableDumpV2Message};
use bgpkit_parser::parser::parse_mrt_record;
use guideway_bgp_rib::Route;
use guideway_bgp_wire::{Attributes, NextHop};
use tempfile::TempDir;
use tokio::time::Instant;

use super::*;
use crate::bmp::Counts;
use crate::mrt::table;
use crate::settings::MonitorSettings;
use crate::testing::{v6_view, view};
use crate::view::View;
use crate::{Monitor, Tables};

/// One own route, one of each peer.
struct Routes;

fn path(prefix: &str, path_id: Option<u32>) -> table::Path {
    let route = Route { next_hop: NextHop::V4([192, 0, 2, 1].into()), attributes: Attributes::default() };
    table::Path { prefix: prefix.parse().unwrap(), path_id, since: UNIX_EPOCH, route: Arc::new(route) }
}

impl Tables for Routes {
    fn adj_rib_in(&self, _: &View) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn adj_rib_out(&self, _: &View) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn counts(&self, _: &View) -> Counts {
        Counts::default()
    }

    fn received(&self, view: &View) -> Vec<table::Path> {
        vec![path(&format!("10.0.0.{}/32", view.peer.0), None)]
    }

    fn announced(&self) -> Vec<table::Path> {
        vec![path("203.0.113.1/32", None)]
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(folder).map(|entries| entries.map(|entry| entry.unwrap().file_name()).collect());
    let mut names: Vec<String> =
        entries.unwrap_or_else(|_| Vec::new()).into_iter().map(|name| name.into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

fn place(folder: &TempDir) -> Place {
    Place { directory: folder.path().join("mrt"), prefix: "updates.rib".into(), keep: 2 }
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

#[test]
fn only_whole_files_have_their_name_and_the_oldest_go() {
    let folder = TempDir::new().unwrap();
    let place = place(&folder);
    for seconds in 0..3 {
        place.write([vec![1; 10], vec![2; 20]].into_iter(), at(seconds)).unwrap();
    }
    let others =
        ["updates.20231114T221320Z.mrt", "updates.20231114T221330Z.mrt.part", "updates.rib.mine.mrt.part"];
    for name in others {
        fs::write(place.directory.join(name), "").unwrap();
    }
    let left = place.directory.join("updates.rib.20231114T221300Z.mrt.part");
    fs::write(&left, "half").unwrap();
    let last = place.write(std::iter::once(vec![3]), at(3)).unwrap();
    assert_eq!(fs::read(last).unwrap(), [3]);
    let mut expected = others.map(String::from).to_vec();
    expected.extend(["updates.rib.20231114T221322Z.mrt".into(), "updates.rib.20231114T221323Z.mrt".into()]);
    expected.sort_unstable();
    assert_eq!(names(&place.directory), expected);
}

#[tokio::test]
async fn a_file_comes_after_each_period_with_what_is_known_then() {
    let folder = TempDir::new().unwrap();
    let directory = folder.path().join("mrt");
    let mrt =
        MrtSettings { table_dump: Some(Duration::from_millis(20)), ..MrtSettings::new(directory.clone()) };
    let own = Own { router_id: [10, 255, 1, 1].into(), asn: 65001 };
    let monitor = Monitor::new(Arc::new(Routes));
    monitor.up(view());
    monitor.up(v6_view());
    monitor.apply(&MonitorSettings { mrt: Some(mrt.clone()), own, ..MonitorSettings::default() });
    let deadline = Instant::now() + Duration::from_secs(60);
    while monitor.tables().unwrap().files < 2 {
        assert!(Instant::now() < deadline, "{:?}", monitor.tables());
        sleep(Duration::from_millis(5)).await;
    }
    let status = monitor.tables().unwrap();
    assert_eq!((status.failed, status.last_error.as_str()), (0, ""));
    let bytes = fs::read(status.file.unwrap()).unwrap();
    let mut rest = bytes.as_slice();
    let mut prefixes = Vec::new();
    while !rest.is_empty() {
        match parse_mrt_record(&mut rest).unwrap().message {
            MrtMessage::TableDumpV2Message(TableDumpV2Message::PeerIndexTable(index)) => {
                let address = |number: u16| index.id_peer_map[&number].peer_ip.to_string();
                assert_eq!([0, 1, 2].map(address), ["10.255.1.1", "10.1.1.1", "2001:db8::1"]);
            }
            MrtMessage::TableDumpV2Message(TableDumpV2Message::RibAfi(rib)) => {
                prefixes.push((rib.rib_entries[0].peer_index, rib.prefix.prefix.to_string()));
            }
            other => panic!("{other:?}"),
        }
    }
    let expected = [(1, "10.0.0.1/32"), (2, "10.0.0.2/32"), (0, "203.0.113.1/32")];
    assert_eq!(prefixes, expected.map(|(owner, prefix)| (owner, prefix.to_owned())));

    monitor.apply(&MonitorSettings {
        mrt: Some(MrtSettings { table_dump: None, ..mrt }),
        own,
        ..MonitorSettings::default()
    });
    assert_eq!(monitor.tables(), None);
    monitor.stop().await;
}

#[tokio::test]
async fn failures_are_counted_and_tried_again() {
    let folder = TempDir::new().unwrap();
    let directory = folder.path().join("mrt");
    fs::write(&directory, "no folder").unwrap();
    let monitor = Monitor::new(Arc::new(Routes));
    let mrt =
        MrtSettings { table_dump: Some(Duration::from_millis(5)), ..MrtSettings::new(directory.clone()) };
    monitor.apply(&MonitorSettings { mrt: Some(mrt), ..MonitorSettings::default() });
    let deadline = Instant::now() + Duration::from_secs(60);
    while monitor.tables().unwrap().failed < 2 {
        assert!(Instant::now() < deadline);
        sleep(Duration::from_millis(5)).await;
    }
    let error = monitor.tables().unwrap().last_error;
    assert!(error.starts_with(&format!("{}: ", directory.display())), "{error}");
    fs::remove_file(&directory).unwrap();
    while monitor.tables().unwrap().files < 1 {
        assert!(Instant::now() < deadline);
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(monitor.tables().unwrap().last_error, "");
}
