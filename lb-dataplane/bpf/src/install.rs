//! Loading a program, pinning it with its maps, and coming back to what is pinned.
//!
//! # Order of the first set-up
//!
//! Directories, maps, what the caller writes into them, and last the program. So a pin directory without a program is
//! what a crash left of a first set-up: nothing was ever attached, and it is made anew. With a program, the directory is
//! whole, and whatever does not fit in it is reported rather than repaired.

mod check;
mod meta;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use guideway_abi as abi;
use nix::fcntl::Flock;

use crate::load::{self, LoadError};
use crate::object::{MapDefinition, Object, ObjectError};
use crate::pins::{self, Layout};
use crate::sys::{self, MapRef, ObjectKind};
use crate::xdp;

pub use check::{Difference, Differences};
pub(crate) use meta::meta;

/// A dataplane could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The pin directory is not on a bpffs.
    #[error(
        "{path} is not on a BPF file system, which holds the programs while no process runs; \
         {advice} a directory below /sys/fs/bpf, after `mount -t bpf bpf /sys/fs/bpf` if none is mounted there",
        path = .0.display(), advice = if .0.starts_with("/sys/fs/bpf") { "it takes" } else { "choose" }
    )]
    NotBpffs(PathBuf),
    /// Another process works with these pins.
    #[error("another process holds {path}; stop it first, or use another pin directory", path = .0.display())]
    InUse(PathBuf),
    /// What is pinned does not fit this program and configuration.
    #[error(
        "what is pinned under {root} does not fit this program and configuration:\n{differences}\
         to start afresh, stop the process that uses {root}, then run `{daemon} detach --pin-root {root}`, or `rm -r {root}` for what \
         that does not remove; this detaches the program, so its traffic stops until it is set up again",
        root = .root.display()
    )]
    Incompatible {
        /// The pin directory.
        root: PathBuf,
        /// Everything that differs.
        differences: Differences,
        /// Whose they are; its `detach` undoes what it did beside the pins, too.
        daemon: &'static str,
    },
    /// What is pinned is another daemon's.
    #[error(
        "what is pinned under {root} is that of {owner}: use another pin directory, or run `{owner} detach --pin-root {root}` \
         first",
        root = .root.display()
    )]
    Foreign {
        /// The pin directory.
        root: PathBuf,
        /// Whose it is.
        owner: &'static str,
    },
    /// A capacity is out of range.
    #[error("capacity of {what}: {found} is not in {minimum}..={maximum}")]
    Capacity {
        /// Of what.
        what: &'static str,
        /// As asked for.
        found: u32,
        /// At least.
        minimum: u32,
        /// At most.
        maximum: u32,
    },
    /// A defect of the build.
    #[error("the compiled program does not fit")]
    Object(#[source] ObjectError),
    /// The kernel makes no such map.
    #[error(
        "cannot make map {map} of {bytes} bytes; root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, is needed, and memory"
    )]
    MakeMap {
        /// Name of the map.
        map: &'static str,
        /// What its elements take.
        bytes: u64,
        /// Why.
        source: io::Error,
    },
    /// The program cannot be loaded.
    #[error("cannot load program {program}")]
    Refused {
        /// Name of the program.
        program: &'static str,
        /// Why, with the verifier's words.
        source: Box<LoadError>,
    },
    /// A map could not be read or written.
    #[error("cannot set the maps up")]
    Map(#[source] crate::MapError),
    /// A system call failed.
    #[error("cannot {operation} {path}", path = .path.display())]
    System {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl OpenError {
    pub(crate) fn system(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { operation, path: path.to_owned(), source }
    }
}

/// Where a dataplane comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Set up now, with empty maps.
    Fresh,
    /// The pins of an earlier process, with this very program.
    Reused,
    /// The pins of an earlier process; the program was replaced by this one in place.
    Updated,
}

/// A loaded program with its maps.
#[derive(Debug)]
pub(crate) struct Installed {
    pub(crate) layout: Layout,
    pub(crate) program: OwnedFd,
    pub(crate) program_id: u32,
    /// Of [`Object::others`].
    others: BTreeMap<&'static str, OwnedFd>,
    maps: BTreeMap<&'static str, MapRef>,
    pub(crate) origin: Origin,
    /// Released when dropped.
    pub(crate) _lock: Flock<File>,
}

impl Installed {
    /// Takes a map that [`Object::maps`] names.
    pub(crate) fn take(&mut self, name: &'static str) -> Result<MapRef, OpenError> {
        self.maps.remove(name).ok_or(OpenError::Object(ObjectError::NoMap(name)))
    }

    /// Takes a program that [`Object::others`] names.
    pub(crate) fn take_program(&mut self, name: &'static str) -> Result<OwnedFd, OpenError> {
        self.others.remove(name).ok_or(OpenError::Object(ObjectError::NoProgram(name)))
    }
}

pub(crate) type Maps = BTreeMap<&'static str, MapRef>;
type Definitions = BTreeMap<&'static str, MapDefinition>;

/// Sets `object` up under `root`, or comes back to what is there.
pub(crate) fn install(root: &Path, object: &Object) -> Result<Installed, OpenError> {
    let definitions = object.definitions().map_err(OpenError::Object)?;
    check_bpffs(root)?;
    fs::create_dir_all(root).map_err(OpenError::system("make directory", root))?;
    let lock = pins::lock(root)
        .map_err(OpenError::system("lock", root))?
        .ok_or_else(|| OpenError::InUse(root.to_owned()))?;
    refuse_foreign(root, object.program)?;
    let layout = Layout::new(root, object.program);
    let next = layout.program_next();
    pins::remove_file(&next).map_err(OpenError::system("remove", &next))?;

    let program_path = layout.program();
    let whole = program_path.try_exists().map_err(OpenError::system("examine", &program_path))?;
    if whole { reuse(layout, object, &definitions, lock) } else { set_up(layout, object, &definitions, lock) }
}

fn check_bpffs(root: &Path) -> Result<(), OpenError> {
    if pins::is_bpffs(root).map_err(OpenError::system("examine", root))? {
        return Ok(());
    }
    Err(OpenError::NotBpffs(root.to_owned()))
}

fn set_up(
    layout: Layout,
    object: &Object,
    definitions: &Definitions,
    lock: Flock<File>,
) -> Result<Installed, OpenError> {
    let differences =
        check::strangers(&layout, definitions).map_err(OpenError::system("examine", &layout.root))?;
    refuse(&layout, differences)?;
    for directory in [layout.maps(), layout.links()] {
        pins::ensure_directory(&directory).map_err(OpenError::system("make directory", &directory))?;
    }
    for name in pins::entries(&layout.maps()).map_err(OpenError::system("list", &layout.root))? {
        tracing::info!(map = name, "removing what an unfinished set-up left");
        let path = layout.map(&name);
        pins::remove_file(&path).map_err(OpenError::system("remove", &path))?;
    }
    let maps = make_maps(&layout, definitions)?;
    let Loaded { program, others } = load(object, &maps, definitions)?;
    if let Some(meta) = &object.meta {
        meta::write(&maps, meta).map_err(OpenError::system("fill the maps in", &layout.root))?;
    }
    let program_id = program_id(&program, &layout)?;
    let path = layout.program();
    sys::pin(program.as_fd(), &path).map_err(OpenError::system("pin", &path))?;
    Ok(Installed { layout, program, program_id, others, maps, origin: Origin::Fresh, _lock: lock })
}

fn reuse(
    layout: Layout,
    object: &Object,
    definitions: &Definitions,
    lock: Flock<File>,
) -> Result<Installed, OpenError> {
    let examine = || OpenError::system("examine", &layout.root);
    let mut contents = Vec::new();
    if let Some(wanted) = &object.meta
        && let Some(found) = meta::read(&layout).map_err(examine())?
    {
        contents = meta::compare(&layout.map(abi::META), &found, wanted);
        if found.abi_version != wanted.abi_version {
            // Whatever else differs follows from that.
            refuse(&layout, std::mem::take(&mut contents))?;
        }
    }
    refuse(&layout, check::pinned(&layout, definitions).map_err(examine())?)?;
    refuse(&layout, contents)?;
    let links = layout.links();
    pins::ensure_directory(&links).map_err(OpenError::system("make directory", &links))?;

    let path = layout.program();
    let (pinned, _) = sys::open_pin(&path).map_err(OpenError::system("open", &path))?;
    let pinned_info = sys::program_info(pinned.as_fd()).map_err(OpenError::system("examine", &path))?;
    let maps = open_maps(&layout, object)?;
    let Loaded { program: loaded, others } = load(object, &maps, definitions)?;
    let loaded_info = sys::program_info(loaded.as_fd()).map_err(OpenError::system("examine", &path))?;
    let (program, info, origin) = if loaded_info.tag == pinned_info.tag {
        (pinned, pinned_info, Origin::Reused)
    } else {
        (loaded, loaded_info, Origin::Updated)
    };
    // Links before the pin: a crash in between leaves the old pin, so that the next start does it all again.
    xdp::update_links(&layout, &program, info.id)?;
    if origin == Origin::Updated {
        let next = layout.program_next();
        sys::pin(program.as_fd(), &next).map_err(OpenError::system("pin", &next))?;
        fs::rename(&next, &path).map_err(OpenError::system("replace", &path))?;
        tracing::info!(program = object.program, id = info.id, "program replaced in place");
    }
    Ok(Installed { layout, program, program_id: info.id, others, maps, origin, _lock: lock })
}

fn refuse(layout: &Layout, differences: Vec<Difference>) -> Result<(), OpenError> {
    if differences.is_empty() {
        return Ok(());
    }
    let (root, daemon) = (layout.root.clone(), daemon_of(layout.program));
    Err(OpenError::Incompatible { root, differences: Differences(differences), daemon })
}

/// The daemon that pins a program.
fn daemon_of(program: &str) -> &'static str {
    if program == abi::DECAP_PROGRAM { "lb-decap" } else { "lb-dataplane" }
}

/// A directory with the program of another daemon is not to be touched: what that daemon did beside its pins can only be
/// undone with them.
pub(crate) fn refuse_foreign(root: &Path, program: &str) -> Result<(), OpenError> {
    for other in [abi::FORWARDER_PROGRAM, abi::DECAP_PROGRAM] {
        let path = root.join(other);
        if other != program && path.try_exists().map_err(OpenError::system("examine", &path))? {
            return Err(OpenError::Foreign { root: root.to_owned(), owner: daemon_of(other) });
        }
    }
    Ok(())
}

struct Loaded {
    program: OwnedFd,
    others: BTreeMap<&'static str, OwnedFd>,
}

/// Loads the programs.
fn load(object: &Object, maps: &Maps, definitions: &Definitions) -> Result<Loaded, OpenError> {
    let names: Vec<&'static str> = [object.program].iter().chain(object.others).copied().collect();
    let mut others = load::programs(object.bytes, maps, definitions, &names)
        .map_err(|source| OpenError::Refused { program: object.program, source: Box::new(source) })?;
    let missing = || OpenError::Object(ObjectError::NoProgram(object.program));
    Ok(Loaded { program: others.remove(object.program).ok_or_else(missing)?, others })
}

/// Makes the maps, and pins them.
fn make_maps(layout: &Layout, definitions: &Definitions) -> Result<Maps, OpenError> {
    let mut maps = Maps::new();
    for (name, wanted) in definitions {
        let MapDefinition { map_type, key_size, value_size, max_entries, flags, .. } = *wanted;
        let map = sys::create_map(name, map_type, key_size, value_size, max_entries, flags)
            .map_err(|source| OpenError::MakeMap { map: name, bytes: wanted.bytes(), source })?;
        let path = layout.map(name);
        sys::pin(map.as_fd(), &path).map_err(OpenError::system("pin", &path))?;
        maps.insert(name, map);
    }
    Ok(maps)
}

fn open_maps(layout: &Layout, object: &Object) -> Result<Maps, OpenError> {
    let mut maps = Maps::new();
    for name in object.maps {
        let path = layout.map(name);
        let map = sys::open_pin(&path)
            .and_then(|(fd, kind)| match kind {
                ObjectKind::Map => MapRef::new(fd),
                ObjectKind::Program | ObjectKind::Link => Err(io::Error::other("not a map")),
            })
            .map_err(OpenError::system("open", &path))?;
        maps.insert(name, map);
    }
    Ok(maps)
}

fn program_id(program: &OwnedFd, layout: &Layout) -> Result<u32, OpenError> {
    let info = sys::program_info(program.as_fd()).map_err(OpenError::system("examine", &layout.root))?;
    Ok(info.id)
}

/// Keeps other processes from what is pinned under `root`; `None` when there is no such directory.
pub(crate) fn hold(root: &Path) -> Result<Option<Flock<File>>, OpenError> {
    if !root.try_exists().map_err(OpenError::system("examine", root))? {
        return Ok(None);
    }
    check_bpffs(root)?;
    let lock = pins::lock(root).map_err(OpenError::system("lock", root))?;
    lock.map(Some).ok_or_else(|| OpenError::InUse(root.to_owned()))
}

/// Detaches, and removes everything under `root` that [`install`] makes, that of another version made, and the pins
/// `others` of the caller; false when there was nothing.
pub(crate) fn remove(root: &Path, object: &Object, others: &[&str]) -> Result<bool, OpenError> {
    let Some(lock) = hold(root)? else { return Ok(false) };
    remove_held(root, object, others, lock).map(|()| true)
}

/// As [`remove`], of what is held already.
pub(crate) fn remove_held(
    root: &Path,
    object: &Object,
    others: &[&str],
    lock: Flock<File>,
) -> Result<(), OpenError> {
    refuse_foreign(root, object.program)?;
    let layout = Layout::new(root, object.program);
    for interface in layout.linked_interfaces().map_err(OpenError::system("list", root))? {
        let path = layout.link(&interface);
        xdp::remove_link(&path).map_err(OpenError::system("detach", &path))?;
    }
    // Those of other versions, too.
    let maps = pins::entries(&layout.maps()).map_err(OpenError::system("list", root))?;
    // The program first: without it, the rest counts as unfinished and a new set-up removes it.
    for path in [layout.program(), layout.program_next()]
        .into_iter()
        .chain(maps.iter().map(|name| layout.map(name)))
        .chain(others.iter().map(|name| root.join(name)))
    {
        pins::remove_file(&path).map_err(OpenError::system("remove", &path))?;
    }
    for directory in [layout.maps(), layout.links()] {
        pins::remove_directory(&directory).map_err(OpenError::system("remove directory", &directory))?;
    }
    drop(lock);
    match pins::remove_directory(root) {
        // What others put there is theirs.
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        other => other.map_err(OpenError::system("remove directory", root)),
    }
}

#[cfg(test)]
mod tests {
    use super::{OpenError, check_bpffs, remove_held};
    use crate::object::Object;
    use crate::pins::{self, Layout};
    use guideway_abi as abi;
    use std::fs::{self, File};

    #[test]
    fn maps_that_this_version_does_not_know_are_removed_as_well() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        let object = Object {
            bytes: &[],
            program: "forwarder",
            others: &[],
            maps: &["KNOWN"],
            max_entries: Vec::new(),
            meta: None,
        };
        let layout = Layout::new(&root, object.program);
        for made in [layout.maps(), layout.links()] {
            fs::create_dir_all(made).unwrap();
        }
        for made in [layout.program(), layout.map("OF_ANOTHER_VERSION"), root.join("clock")] {
            File::create(made).unwrap();
        }
        let lock = pins::lock(&root).unwrap().unwrap();
        remove_held(&root, &object, &["clock"], lock).unwrap();
        assert!(!root.exists());

        // What somebody else has put there is not touched, and keeps nothing from being removed.
        let theirs = root.join("theirs");
        for made in [layout.maps(), theirs.clone()] {
            fs::create_dir_all(made).unwrap();
        }
        let lock = pins::lock(&root).unwrap().unwrap();
        remove_held(&root, &object, &["clock"], lock).unwrap();
        assert!(!layout.maps().exists() && theirs.exists());
    }

    #[test]
    fn what_another_daemon_has_pinned_is_refused_and_stays() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        let object = Object::decap();
        let theirs = Layout::new(&root, abi::FORWARDER_PROGRAM);
        fs::create_dir_all(theirs.maps()).unwrap();
        for made in [theirs.program(), theirs.map(abi::ACTIVE)] {
            File::create(made).unwrap();
        }
        let lock = pins::lock(&root).unwrap().unwrap();
        let error = remove_held(&root, &object, &[], lock).unwrap_err();
        let advice = format!("run `lb-dataplane detach --pin-root {}` first", root.display());
        assert!(error.to_string().contains(&advice), "{error}");
        assert!(theirs.program().exists() && theirs.map(abi::ACTIVE).exists());
    }

    /// A file system that is mounted over a directory hides what is in it: nobody is told to do that.
    #[test]
    fn no_mount_over_the_callers_directory_is_advised() {
        let directory = tempfile::tempdir().unwrap();
        let error = check_bpffs(directory.path()).unwrap_err();
        assert!(matches!(error, OpenError::NotBpffs(_)));
        let advice = error.to_string();
        let (what, advice) = advice.split_once(';').unwrap();
        assert!(what.contains(directory.path().to_str().unwrap()), "{what}");
        assert!(advice.contains("choose a directory below /sys/fs/bpf"), "{advice}");
        assert!(!advice.contains(directory.path().to_str().unwrap()), "{advice}");
    }
}
