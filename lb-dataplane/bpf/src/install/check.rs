//! What is pinned, compared with what is wanted.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::fd::AsFd as _;
use std::path::PathBuf;

use crate::object::MapDefinition;
use crate::pins::{self, Layout};
use crate::sys::{self, LinkInfo, MapInfo, MapRef, ObjectKind, ProgramInfo};

/// One thing in a pin directory that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The pinned object.
    pub path: PathBuf,
    /// What of it: `type`, `key size`, `value size`, `max entries`, `flags`, or a field of the metadata.
    pub property: &'static str,
    /// As it is.
    pub found: String,
    /// As it must be.
    pub wanted: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, property, found, wanted } = self;
        write!(formatter, "{}: {property} is {found}, wanted {wanted}", path.display())
    }
}

/// Everything that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differences(pub Vec<Difference>);

impl fmt::Display for Differences {
    /// One line for each.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|difference| writeln!(formatter, "  - {difference}"))
    }
}

type Definitions = BTreeMap<&'static str, MapDefinition>;

/// Things in a pin directory without a program that no unfinished set-up leaves.
pub(super) fn strangers(layout: &Layout, definitions: &Definitions) -> io::Result<Vec<Difference>> {
    let mut differences = Vec::new();
    for interface in layout.linked_interfaces()? {
        differences.push(Difference {
            path: layout.link(&interface),
            property: "link",
            found: "pinned".to_owned(),
            wanted: format!("none without the program {}", layout.program().display()),
        });
    }
    for name in pins::entries(&layout.maps())? {
        let path = layout.map(&name);
        if definitions.contains_key(name.as_str()) {
            if let Err(found) = open_kind(&path, ObjectKind::Map)? {
                differences.push(Difference { path, property: "type", found, wanted: "map".to_owned() });
            }
        } else {
            differences.push(unknown(path));
        }
    }
    Ok(differences)
}

/// Everything in a whole pin directory that does not fit.
pub(super) fn pinned(layout: &Layout, definitions: &Definitions) -> io::Result<Vec<Difference>> {
    let mut differences = Vec::new();
    let mut map_ids = BTreeMap::new();
    for (name, wanted) in definitions {
        let path = layout.map(name);
        match open_kind(&path, ObjectKind::Map)? {
            Ok(fd) => {
                let map = MapRef::new(fd)?;
                let before = differences.len();
                compare(path, map.info(), wanted, &mut differences);
                if differences.len() == before {
                    map_ids.insert(*name, map.info().id);
                }
            }
            Err(found) => {
                differences.push(Difference { path, property: "type", found, wanted: "map".to_owned() });
            }
        }
    }
    for name in pins::entries(&layout.maps())? {
        if !definitions.contains_key(name.as_str()) {
            differences.push(unknown(layout.map(&name)));
        }
    }
    program(layout, &map_ids, &mut differences)?;
    for interface in layout.linked_interfaces()? {
        let path = layout.link(&interface);
        let wanted = || "XDP link".to_owned();
        match open_kind(&path, ObjectKind::Link)? {
            Ok(fd) if sys::link_info(fd.as_fd())?.link_type == LinkInfo::XDP => {}
            Ok(_) => {
                let found = "link of another type".to_owned();
                differences.push(Difference { path, property: "type", found, wanted: wanted() });
            }
            Err(found) => differences.push(Difference { path, property: "type", found, wanted: wanted() }),
        }
    }
    Ok(differences)
}

/// The pinned program: its type, and that it works on the pinned maps rather than on others of the same names.
fn program(
    layout: &Layout,
    map_ids: &BTreeMap<&'static str, u32>,
    differences: &mut Vec<Difference>,
) -> io::Result<()> {
    let path = layout.program();
    let wanted = "XDP program".to_owned();
    let info = match open_kind(&path, ObjectKind::Program)? {
        Ok(fd) => sys::program_info(fd.as_fd())?,
        Err(found) => {
            differences.push(Difference { path, property: "type", found, wanted });
            return Ok(());
        }
    };
    if info.program_type != ProgramInfo::XDP {
        let found = format!("program of type {}", info.program_type);
        differences.push(Difference { path, property: "type", found, wanted });
        return Ok(());
    }
    for id in info.map_ids {
        // Looking a map up by its id takes CAP_SYS_ADMIN; without it this check is left out.
        let Ok(map) = sys::map_fd_by_id(id).and_then(MapRef::new) else { continue };
        let used = map.info();
        let Some((name, pinned)) = map_ids.iter().find(|(name, _)| kept(name) == used.name) else { continue };
        if *pinned != used.id {
            differences.push(Difference {
                path: layout.map(name),
                property: "id",
                found: pinned.to_string(),
                wanted: format!("{}, which the pinned program works on", used.id),
            });
        }
    }
    Ok(())
}

/// The start of a name, as much as the kernel keeps.
fn kept(name: &str) -> &str {
    name.get(..15).unwrap_or(name)
}

fn compare(path: PathBuf, found: &MapInfo, wanted: &MapDefinition, differences: &mut Vec<Difference>) {
    let properties = [
        ("map type", found.map_type, wanted.map_type),
        ("key size", found.key_size, wanted.key_size),
        ("value size", found.value_size, wanted.value_size),
        ("max entries", found.max_entries, wanted.max_entries),
        ("flags", found.flags, wanted.flags),
    ];
    for (property, found, wanted) in properties {
        if found != wanted {
            let path = path.clone();
            differences.push(Difference {
                path,
                property,
                found: found.to_string(),
                wanted: wanted.to_string(),
            });
        }
    }
}

fn unknown(path: PathBuf) -> Difference {
    Difference { path, property: "map", found: "pinned".to_owned(), wanted: "none of this name".to_owned() }
}

/// Opens a pin of a certain kind, or says what is there instead.
fn open_kind(path: &std::path::Path, wanted: ObjectKind) -> io::Result<Result<std::os::fd::OwnedFd, String>> {
    match sys::open_pin(path) {
        Ok((fd, kind)) if kind == wanted => Ok(Ok(fd)),
        Ok((_, ObjectKind::Map)) => Ok(Err("a map".to_owned())),
        Ok((_, ObjectKind::Program)) => Ok(Err("a program".to_owned())),
        Ok((_, ObjectKind::Link)) => Ok(Err("a link".to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Err("missing".to_owned())),
        // A directory or a symbolic link to something that is no BPF object.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EACCES | libc::EINVAL | libc::EISDIR)) => {
            Ok(Err("no BPF object".to_owned()))
        }
        Err(error) => Err(error),
    }
}
