use super::*;

fn entry(generation: u64) -> Entry {
    Entry {
        generation,
        digest: generation,
        at_unix_ms: 1000 + generation,
        summary: format!("number {generation}"),
        text: format!("seed: {generation}\n"),
    }
}

fn generations(history: &History) -> Vec<u64> {
    history.latest_first().map(|entry| entry.generation).collect()
}

fn add(folder: &Folder, history: &mut History, entry: Entry) {
    let dropped = history.add(entry.clone());
    folder.write(&entry, &dropped).unwrap();
}

#[test]
fn the_last_ten_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::new(dir.path());
    let (mut history, errors) = folder.open();
    assert!(errors.is_empty() && generations(&history).is_empty());
    for generation in 1..=13 {
        add(&folder, &mut history, entry(generation));
    }
    let expected: Vec<u64> = (4..=13).rev().collect();
    assert_eq!(generations(&history), expected);
    let (again, errors) = folder.open();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(generations(&again), expected);
    assert_eq!(again.find(4), Some(&entry(4)));
    assert_eq!(again.find(3), None);
    assert_eq!(folder.files().unwrap().len(), KEPT);
}

#[test]
fn a_generation_has_one_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::new(dir.path());
    let (mut history, _) = folder.open();
    add(&folder, &mut history, entry(1));
    let other = Entry { text: "other".to_owned(), at_unix_ms: 5000, ..entry(1) };
    add(&folder, &mut history, other.clone());
    assert_eq!(folder.open().0.find(1), Some(&other));
}

/// After `lb-dataplane detach` generations are counted from one again.
#[test]
fn later_ones_come_first_whatever_their_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::new(dir.path());
    let (mut history, _) = folder.open();
    add(&folder, &mut history, entry(90));
    add(&folder, &mut history, Entry { at_unix_ms: 9000, ..entry(1) });
    assert_eq!(generations(&folder.open().0), [1, 90]);
}

#[test]
fn corrupted_files_are_reported_and_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::new(dir.path());
    let (mut history, _) = folder.open();
    for generation in 1..=3 {
        add(&folder, &mut history, entry(generation));
    }
    let path = folder.file(2);
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 2;
    bytes[last] = b'!';
    fs::write(&path, bytes).unwrap();
    fs::write(folder.path.join("x.conf"), "").unwrap();
    fs::create_dir(folder.path.join("y.conf")).unwrap();
    // A write that a crash has cut off.
    fs::write(folder.file(3).with_extension("new"), "half").unwrap();
    let (history, errors) = folder.open();
    assert_eq!(generations(&history), [3, 1]);
    let told: Vec<String> = errors.iter().map(|error| crate::error::chain(error)).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[0].contains("content has changed since it was written") && told[0].contains("remove it"),
        "{told:?}"
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let folder = Folder::new(&file);
    assert!(matches!(folder.open().1[..], [HistoryError::Folder { .. }]));
    assert!(matches!(folder.write(&entry(1), &[]), Err(HistoryError::File { .. })));
}
