//! The speakers that were there, over a restart: a small JSON file.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tracing::warn;

use crate::core::{Memory, Remembered};

/// The name of the file in the folder for state.
pub(crate) const FILE: &str = "speakers.json";
/// No file that this daemon writes is longer: some fifty thousand speakers.
const MAX_FILE: u64 = 8 << 20;
/// Between two writes, so that speakers that come and go do not keep the disk busy. Who comes in a pause is forgotten when the
/// process is killed in the same pause, so it is short.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Serialize, Deserialize)]
struct File {
    version: u32,
    speakers: Vec<Speaker>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Speaker {
    router_id: Ipv4Addr,
    name: String,
    address: IpAddr,
}

const VERSION: u32 = 1;

/// Reads the file; `None` when there is none, or none that could be understood, which is logged.
pub(crate) fn load(path: &Path) -> Option<Memory> {
    match read(path) {
        Ok(memory) => Some(memory),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            warn!(file = %path.display(), %error, "the speakers of the last run are not known; those of the configuration are waited for");
            None
        }
    }
}

fn read(path: &Path) -> io::Result<Memory> {
    use std::io::Read;
    let mut text = String::new();
    let length = std::fs::File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if length as u64 > MAX_FILE {
        return Err(io::Error::other(format!("longer than {MAX_FILE} octets")));
    }
    let file: File = serde_json::from_str(&text)?;
    if file.version != VERSION {
        return Err(io::Error::other(format!("version {} is not known here", file.version)));
    }
    let entry =
        |speaker: Speaker| (speaker.router_id, Remembered { name: speaker.name, address: speaker.address });
    Ok(file.speakers.into_iter().map(entry).collect())
}

/// Replaces the file as a whole.
fn write(path: &Path, memory: &Memory) -> io::Result<()> {
    let speakers = memory.iter().map(|(router_id, remembered)| Speaker {
        router_id: *router_id,
        name: remembered.name.clone(),
        address: remembered.address,
    });
    let file = File { version: VERSION, speakers: speakers.collect() };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut temporary, &file)?;
    temporary.write_all(b"\n")?;
    temporary.as_file().sync_data()?;
    temporary.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Writes whenever the set changes, until nobody changes it any more.
pub(crate) async fn keep(path: PathBuf, mut memory: watch::Receiver<Memory>) {
    let mut failing = false;
    while memory.changed().await.is_ok() {
        let now = memory.borrow_and_update().clone();
        let file = path.clone();
        let written = tokio::task::spawn_blocking(move || write(&file, &now)).await;
        match written.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                failing = true;
                warn!(file = %path.display(), %error, "the speakers cannot be remembered: after a restart those of the configuration are waited for");
            }
            Err(_) => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/aggregator.json");
        assert_eq!(load(&path), None);
        let remembered = Remembered { name: "lb1".to_owned(), address: "10.1.1.2".parse().unwrap() };
        let memory: Memory = [(Ipv4Addr::new(10, 255, 1, 1), remembered)].into();
        write(&path, &memory).unwrap();
        assert_eq!(load(&path), Some(memory));
        write(&path, &Memory::new()).unwrap();
        assert_eq!(load(&path), Some(Memory::new()));
        for nonsense in ["", "{}", "{\"version\":2,\"speakers\":[]}", "[1"] {
            std::fs::write(&path, nonsense).unwrap();
            assert_eq!(load(&path), None, "{nonsense}");
        }
    }
}
