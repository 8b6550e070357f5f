use std::io::Read as _;
use std::time::UNIX_EPOCH;

use bgpkit_parser::parser::parse_mrt_record;
use tempfile::TempDir;

use super::*;
use crate::mrt;
use crate::testing::view;

fn record() -> Arc<[u8]> {
    mrt::state_change(&view(), mrt::State::Established, mrt::State::Idle, UNIX_EPOCH).into()
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn files(folder: &TempDir) -> Files {
    let settings = MrtSettings { max_octets: 300, ..MrtSettings::new(folder.path().join("mrt")) };
    Files { settings, current: None }
}

fn names(folder: &TempDir) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder.path().join("mrt"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

fn records(path: &Path) -> usize {
    let mut bytes = Vec::new();
    File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
    let (mut rest, mut count) = (bytes.as_slice(), 0);
    while !rest.is_empty() {
        parse_mrt_record(&mut rest).unwrap();
        count += 1;
    }
    count
}

#[tokio::test]
async fn files_end_by_size_and_the_oldest_go() {
    let folder = TempDir::new().unwrap();
    let mut files = files(&folder);
    files.settings.keep = 3;
    let many = vec![record(); 10];
    assert_eq!(files.write(&many, now()).unwrap(), 1);
    assert_eq!(names(&folder), ["updates.20231114T221320Z.mrt.part"]);
    assert_eq!(files.write(&[record()], now()).unwrap(), 1, "the first one was full");
    assert_eq!(names(&folder), ["updates.20231114T221320Z.001.mrt.part", "updates.20231114T221320Z.mrt"]);
    assert_eq!(files.write(&many, now()).unwrap(), 0);
    for seconds in 1..4 {
        files.write(&many, now() + Duration::from_secs(seconds)).unwrap();
    }
    let foreign = folder.path().join("mrt/updates.old.mrt");
    fs::write(&foreign, "").unwrap();
    files.close().unwrap();
    let expected = [
        "updates.20231114T221321Z.mrt",
        "updates.20231114T221322Z.mrt",
        "updates.20231114T221323Z.mrt",
        "updates.old.mrt",
    ];
    assert_eq!(names(&folder), expected);
    assert_eq!(records(&folder.path().join("mrt").join(expected[0])), 10);
}

#[tokio::test]
async fn an_old_file_is_closed_although_nothing_comes() {
    let folder = TempDir::new().unwrap();
    let directory = folder.path().join("mrt");
    let dump = Dump::start(MrtSettings { max_age: Duration::from_millis(1), ..MrtSettings::new(directory) });
    dump.queue().push(record());
    let deadline = Instant::now() + Duration::from_secs(20);
    while !names_or_none(&folder).iter().any(|name| name.ends_with(".mrt")) {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn names_or_none(folder: &TempDir) -> Vec<String> {
    if folder.path().join("mrt").exists() { names(folder) } else { Vec::new() }
}

#[tokio::test]
async fn what_waits_is_written_before_the_end() {
    let folder = TempDir::new().unwrap();
    let dump = Dump::start(MrtSettings::new(folder.path().join("mrt")));
    for _ in 0..100 {
        dump.queue().push(record());
    }
    dump.end();
    let status = dump.status.clone();
    dump.finished().await;
    let names = names(&folder);
    assert_eq!((names.len(), records(&folder.path().join("mrt").join(&names[0]))), (1, 100));
    let status = status.lock().unwrap().clone();
    assert_eq!((status.records, status.lost, status.files), (100, 0, 1));
}

#[tokio::test]
async fn losses_are_counted() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("no folder");
    fs::write(&file, "").unwrap();
    let dump = Dump::start(MrtSettings { buffer: 1_000, ..MrtSettings::new(file) });
    let deadline = Instant::now() + Duration::from_secs(20);
    dump.queue().push(vec![0; 2_000].into());
    dump.queue().push(record());
    while dump.status().lost < 2 || dump.status().last_error.is_empty() {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!((dump.status().records, dump.status().file), (0, None));
    let error = dump.status().last_error;
    assert!(error.starts_with(&format!("{}: ", folder.path().join("no folder").display())), "{error}");
}
