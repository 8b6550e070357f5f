use std::time::Duration;

use guideway_controller_core::{Pool, Routing, Term};
use guideway_dataplane_config::Seed;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A content with so many pools.
fn content(pools: u8) -> Content {
    let mut content = Content::new(Seed::new([7; 16]), Routing::default());
    for pool in 0..pools {
        let prefixes = vec![format!("203.0.{pool}.0/24").parse().unwrap()];
        content.put_pool(Pool { name: format!("pool-{pool}").parse().unwrap(), prefixes });
    }
    content
}

fn stamp(generation: u64, content: &Content) -> Stamp {
    Stamp { generation: Generation(generation), digest: content.digest() }
}

fn kept(committed: Stamp) -> Kept {
    Kept { highest_term: Term(3), known: committed.generation, committed: Some(committed) }
}

fn at(second: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(second)
}

/// That must be whole.
fn open(state: &Path) -> (Folder, Found) {
    let (folder, found, problems) = Folder::open(state);
    assert!(problems.is_empty(), "{problems:?}");
    (folder, found)
}

fn log_of(state: &Path) -> PathBuf {
    state.join("controller").join(LOG)
}

/// What an agent would find and give, to be compared.
fn picture(folder: &Folder) -> (Kept, Vec<(Stamp, Content, Option<SystemTime>)>) {
    let contents = folder.contents.iter().map(|(stamp, past)| (*stamp, past.content.clone(), past.since));
    (folder.kept, contents.collect())
}

#[test]
fn what_was_kept_is_found() {
    let state = tempfile::tempdir().unwrap();
    let (mut folder, found) = open(state.path());
    assert!(found.committed.is_none() && found.kept == Kept::default());

    let (first, second) = (content(1), content(2));
    folder.write(stamp(4, &first), &first).unwrap();
    folder.keep(kept(stamp(4, &first)), at(44)).unwrap();
    folder.write(stamp(6, &second), &second).unwrap();
    let (mut folder, found) = open(state.path());
    assert_eq!(found.kept, kept(stamp(4, &first)));
    assert_eq!(found.committed, Some(first.clone()));
    assert_eq!(found.prepared, Some((Generation(6), second.clone())));
    assert_eq!(folder.fetch(Generation(4)), Some(first.clone()));
    assert_eq!(folder.fetch(Generation(5)), None);
    assert_eq!(folder.list(), [(Generation(4), first.digest(), at(44))], "what is prepared was not in force");

    folder.discard(stamp(6, &second)).unwrap();
    assert!(open(state.path()).1.prepared.is_none());
    let mode =
        |path: &Path| std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions());
    assert_eq!(mode(&folder.path) & 0o777, 0o700, "the seed is in it");
    assert_eq!(mode(&log_of(state.path())) & 0o777, 0o600);
}

#[test]
fn the_last_ten_are_kept() {
    let state = tempfile::tempdir().unwrap();
    let mut folder = open(state.path()).0;
    for generation in 1..=13 {
        let content = content(u8::try_from(generation).unwrap());
        folder.write(stamp(generation, &content), &content).unwrap();
        folder.keep(kept(stamp(generation, &content)), at(generation)).unwrap();
    }
    for folder in [folder, open(state.path()).0] {
        let generations: Vec<u64> = folder.list().iter().map(|one| one.0.0).collect();
        assert_eq!(generations, (4..=13).collect::<Vec<_>>());
    }
}

#[test]
fn what_was_overtaken_is_forgotten() {
    let state = tempfile::tempdir().unwrap();
    let mut folder = open(state.path()).0;
    for generation in 1..=3 {
        let content = content(u8::try_from(generation).unwrap());
        folder.write(stamp(generation, &content), &content).unwrap();
    }
    folder.keep(kept(stamp(2, &content(2))), at(1)).unwrap();
    assert_eq!(folder.fetch(Generation(1)), None);
    assert_eq!(open(state.path()).1.prepared, Some((Generation(3), content(3))));
}

#[test]
fn a_change_is_as_large_as_what_it_changes() {
    let state = tempfile::tempdir().unwrap();
    let mut folder = open(state.path()).0;
    let mut sizes = Vec::new();
    for generation in 1..=3 {
        let content = content(u8::try_from(200 + generation).unwrap());
        folder.write(stamp(generation, &content), &content).unwrap();
        folder.keep(kept(stamp(generation, &content)), at(generation)).unwrap();
        sizes.push(fs::metadata(log_of(state.path())).unwrap().len());
    }
    assert!(sizes[0] > 4000 && sizes[2] - sizes[1] < 500, "{sizes:?}");
}

#[test]
fn a_log_is_written_anew_when_little_of_it_is_of_use() {
    let state = tempfile::tempdir().unwrap();
    let mut folder = open(state.path()).0;
    let mut generation = 0;
    while !folder.is_untidy() {
        generation += 1;
        let content = content(u8::try_from(generation % 100).unwrap());
        folder.write(stamp(generation, &content), &content).unwrap();
        folder.keep(kept(stamp(generation, &content)), at(generation)).unwrap();
    }
    let before = fs::metadata(log_of(state.path())).unwrap().len();
    assert!(before > SMALL);
    folder.tidy().unwrap();
    let after = fs::metadata(log_of(state.path())).unwrap().len();
    assert!(after * 10 < before, "{before} to {after}");
    assert!(!folder.is_untidy());
    assert_eq!(picture(&open(state.path()).0), picture(&folder));
    // It goes on in the new one.
    let next = content(101);
    folder.write(stamp(generation + 1, &next), &next).unwrap();
    assert_eq!(picture(&open(state.path()).0), picture(&folder));
}

#[test]
fn a_damaged_log_is_named_and_not_taken() {
    let state = tempfile::tempdir().unwrap();
    let mut folder = open(state.path()).0;
    let content = content(3);
    folder.write(stamp(9, &content), &content).unwrap();
    let end = fs::metadata(log_of(state.path())).unwrap().len();
    folder.keep(kept(stamp(9, &content)), at(1)).unwrap();
    let path = log_of(state.path());
    let whole = fs::read(&path).unwrap();
    let mut changed = whole.clone();
    changed[usize::try_from(end - 1).unwrap()] ^= 1;
    let texts: [(&[u8], &str); 4] = [
        (&changed, "is not as it was written"),
        (b"nonsense", "does not begin"),
        (b"", "does not begin"),
        (&[b"guideway-kept: 2".as_slice(), &whole[TITLE.len()..]].concat(), "does not begin"),
    ];
    for (bytes, words) in texts {
        fs::write(&path, bytes).unwrap();
        let (mut folder, found, problems) = Folder::open(state.path());
        assert!(found.committed.is_none() && found.prepared.is_none() && found.kept == Kept::default());
        assert_eq!(problems.len(), 1);
        let text = crate::error::chain(&problems[0]);
        assert!(text.contains(&*path.to_string_lossy()) && text.contains(words), "{text}");
        // What the controller gives is kept again.
        folder.write(stamp(10, &content), &content).unwrap();
        assert_eq!(open(state.path()).1.prepared, Some((Generation(10), content.clone())));
    }
    // What a crash has left beside is nothing, and in nobody's way.
    fs::write(path.with_added_extension(BESIDE), &whole[..20]).unwrap();
    let mut folder = open(state.path()).0;
    folder.tidy().unwrap();
    assert!(!path.with_added_extension(BESIDE).exists());
    assert_eq!(picture(&open(state.path()).0), picture(&folder));
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_until_it_can() {
    let state = tempfile::tempdir().unwrap();
    let in_its_place = state.path().join("controller");
    fs::write(&in_its_place, "a file").unwrap();
    let (mut folder, _, problems) = Folder::open(state.path());
    assert_eq!(problems.len(), 1);
    let content = content(1);
    let error = folder.write(stamp(1, &content), &content).unwrap_err();
    assert!(error.to_string().starts_with("cannot make"), "{error}");
    assert!(folder.keep(Kept::default(), at(1)).is_err());
    fs::remove_file(in_its_place).unwrap();
    folder.write(stamp(1, &content), &content).unwrap();
    assert_eq!(open(state.path()).1.prepared, Some((Generation(1), content)));
}

/// A disk that takes no more, and takes again: whatever is in the log then is written anew.
#[test]
fn after_a_failed_write_the_log_is_written_anew() {
    let state = tempfile::tempdir().unwrap();
    let mut folder = open(state.path()).0;
    let (first, second) = (content(1), content(2));
    folder.write(stamp(1, &first), &first).unwrap();
    folder.keep(kept(stamp(1, &first)), at(1)).unwrap();
    let before = picture(&folder);
    folder.log.as_mut().unwrap().file = File::open(log_of(state.path())).unwrap();
    let error = folder.write(stamp(2, &second), &second).unwrap_err();
    assert!(error.to_string().starts_with("cannot write"), "{error}");
    assert_eq!(picture(&folder), before);
    folder.write(stamp(2, &second), &second).unwrap();
    folder.keep(kept(stamp(2, &second)), at(2)).unwrap();
    assert_eq!(picture(&open(state.path()).0), picture(&folder));
}

/// What an agent is asked to do.
#[derive(Clone, Debug)]
enum Step {
    Write(u8),
    Discard,
    Keep,
    Tidy,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..20_u8).prop_map(Step::Write),
        1 => Just(Step::Discard),
        4 => Just(Step::Keep),
        1 => Just(Step::Tidy),
        1 => Just(Step::Restart),
    ]
}

impl Step {
    fn run(&self, folder: &mut Folder, state: &Path, number: u64) {
        let last = folder.contents.last_key_value().map(|(stamp, _)| *stamp);
        let prepared = last.filter(|stamp| folder.kept.committed.is_none_or(|committed| *stamp > committed));
        match self {
            Self::Write(pools) => folder.write(stamp(number, &content(*pools)), &content(*pools)).unwrap(),
            Self::Discard => {
                if let Some(stamp) = prepared {
                    folder.discard(stamp).unwrap();
                }
            }
            Self::Keep => {
                if let Some(stamp) = prepared {
                    folder.keep(kept(stamp), at(number)).unwrap();
                }
            }
            Self::Tidy => folder.tidy().unwrap(),
            Self::Restart => *folder = open(state).0,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Killed after any number of bytes of any step, an agent finds what was before that step or what is after it.
    #[test]
    fn a_crash_leaves_the_old_or_the_new(steps in vec(step(), 1..14), cuts in vec(any::<prop::sample::Index>(), 8)) {
        let state = tempfile::tempdir().unwrap();
        let mut folder = open(state.path()).0;
        let path = log_of(state.path());
        for (number, step) in (1..).zip(&steps) {
            let (before, bytes) = (picture(&folder), fs::read(&path).unwrap_or_default());
            step.run(&mut folder, state.path(), number);
            let (after, grown) = (picture(&folder), fs::read(&path).unwrap_or_default());
            prop_assert_eq!(&picture(&open(state.path()).0), &after);
            // One that was written anew came by a rename.
            let added = if bytes.is_empty() || !grown.starts_with(&bytes) { 0 } else { grown.len() - bytes.len() };
            for cut in cuts.iter().filter(|_| added > 0) {
                let crashed = tempfile::tempdir().unwrap();
                fs::create_dir(crashed.path().join("controller")).unwrap();
                fs::write(log_of(crashed.path()), &grown[..bytes.len() + cut.index(added)]).unwrap();
                let mut next = open(crashed.path()).0;
                prop_assert_eq!(&picture(&next), &before);
                // And goes on.
                step.run(&mut next, crashed.path(), number);
                prop_assert_eq!(&picture(&open(crashed.path()).0), &after);
            }
        }
    }

    /// One bit of it is another one: what was there after one of the steps is found, or nothing and why.
    #[test]
    fn damage_leaves_what_was_there_or_nothing(steps in vec(step(), 1..14), at: prop::sample::Index, bit in 0..8_u8) {
        let state = tempfile::tempdir().unwrap();
        let mut folder = open(state.path()).0;
        let mut pictures = vec![picture(&folder)];
        for (number, step) in (1..).zip(&steps) {
            step.run(&mut folder, state.path(), number);
            pictures.push(picture(&folder));
        }
        let path = log_of(state.path());
        let Ok(mut bytes) = fs::read(&path) else { return Ok(()) };
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        fs::write(&path, bytes).unwrap();
        let (found, _, problems) = Folder::open(state.path());
        let found = picture(&found);
        if problems.is_empty() {
            prop_assert!(pictures.contains(&found), "{:?}", found);
        } else {
            prop_assert_eq!(found, (Kept::default(), Vec::new()));
        }
    }
}
