//! Which store, and how to open it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use guideway_store::etcd::{EtcdOptions, EtcdStore, EtcdTls};
use guideway_store::redb::OpenError;
use guideway_store::{RedbOptions, RedbStore, Store, StoreError};

use crate::cli::EtcdArgs;
use crate::files::{self, FileError};

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoresError {
    /// The embedded store.
    #[error("{} cannot be opened", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: OpenError,
    },
    /// etcd.
    #[error("etcd at {members} cannot be used; check --etcd-servers and its certificates")]
    Etcd {
        /// As given.
        members: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// A certificate for etcd.
    #[error("the certificates for etcd")]
    File(#[source] FileError),
    /// A certificate for etcd is not there.
    #[error("{} is not there", .0.display())]
    Missing(PathBuf),
    /// `https` members and nobody to trust.
    #[error("members of etcd with https need --etcd-cafile")]
    NoAuthority,
}

/// The embedded store of a data folder.
#[must_use]
pub fn file(folder: &Path) -> PathBuf {
    folder.join("store.redb")
}

/// The store that the arguments name.
///
/// # Errors
///
/// When it cannot be opened or reached.
pub async fn open(folder: &Path, etcd: &EtcdArgs) -> Result<Arc<dyn Store>, StoresError> {
    if let Some(options) = etcd_options(etcd)? {
        let store = EtcdStore::connect(&options)
            .await
            .map_err(|source| StoresError::Etcd { members: etcd.etcd_servers.join(","), source })?;
        return Ok(Arc::new(store));
    }
    let path = file(folder);
    let store = RedbStore::open(&path, RedbOptions::default())
        .map_err(|source| StoresError::Open { path: path.clone(), source })?;
    Ok(Arc::new(store))
}

/// How etcd is reached. None without it.
///
/// # Errors
///
/// When a certificate cannot be read.
pub fn etcd_options(etcd: &EtcdArgs) -> Result<Option<EtcdOptions>, StoresError> {
    if etcd.etcd_servers.is_empty() {
        return Ok(None);
    }
    let read = |path: &PathBuf| {
        let text = files::read(path).map_err(StoresError::File)?;
        text.ok_or_else(|| StoresError::Missing(path.clone()))
    };
    let ca = etcd.etcd_cafile.as_ref().map(read).transpose()?;
    let client = match (&etcd.etcd_certfile, &etcd.etcd_keyfile) {
        (Some(certificate), Some(key)) => Some((read(certificate)?, read(key)?)),
        _ => None,
    };
    if ca.is_none() && etcd.etcd_servers.iter().any(|member| member.starts_with("https://")) {
        return Err(StoresError::NoAuthority);
    }
    Ok(Some(EtcdOptions {
        endpoints: etcd.etcd_servers.clone(),
        prefix: etcd.etcd_prefix.clone(),
        tls: ca.map(|ca| EtcdTls { ca, client }),
    }))
}
