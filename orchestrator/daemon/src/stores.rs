//! Which store, and how to open it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use guideway_store::etcd::{EtcdOptions, EtcdStore, EtcdTls};
use guideway_store::redb::OpenError;
use guideway_store::{RedbOptions, RedbStore, Store, StoreError};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

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
    /// A certificate or key for etcd is none.
    #[error("{} holds no {what} in PEM", .path.display())]
    NoPem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
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
    let read = |path: &PathBuf, what, is_it: fn(&[u8]) -> bool| {
        let text = files::read(path).map_err(StoresError::File)?;
        let text = text.ok_or_else(|| StoresError::Missing(path.clone()))?;
        // Nobody would say so later: without a certificate to trust, each member would only seem not to answer.
        if is_it(text.as_bytes()) { Ok(text) } else { Err(StoresError::NoPem { path: path.clone(), what }) }
    };
    let certificate = |path: &PathBuf| {
        read(path, "certificate", |pem| {
            let mut all = CertificateDer::pem_slice_iter(pem).peekable();
            all.peek().is_some() && all.all(|one| one.is_ok())
        })
    };
    let ca = etcd.etcd_cafile.as_ref().map(certificate).transpose()?;
    let client = match (&etcd.etcd_certfile, &etcd.etcd_keyfile) {
        (Some(own), Some(key)) => {
            let key = read(key, "key", |pem| PrivateKeyDer::from_pem_slice(pem).is_ok())?;
            Some((certificate(own)?, key))
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_for_etcd_hold_what_they_should() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            Some(path)
        };
        let own = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
        let certificate = file("certificate", &own.cert.pem());
        let key = file("key", &own.signing_key.serialize_pem());
        let neither = file("neither", "-----BEGIN CERTIFICATE-----\nAAAA\n");
        let open = |ca: &Option<PathBuf>, client: Option<(&Option<PathBuf>, &Option<PathBuf>)>| {
            let (own, key) = client.map_or((None, None), |(own, key)| (own.clone(), key.clone()));
            let args = EtcdArgs {
                etcd_servers: vec!["https://10.0.0.1:2379".to_owned()],
                etcd_cafile: ca.clone(),
                etcd_certfile: own,
                etcd_keyfile: key,
                etcd_prefix: "/guideway".to_owned(),
            };
            etcd_options(&args).map(|_| ()).map_err(|error| error.to_string())
        };
        let is_none = |path: &Option<PathBuf>, what: &str| {
            Err(format!("{} holds no {what} in PEM", path.as_ref().unwrap().display()))
        };
        assert_eq!(open(&certificate, None), Ok(()));
        assert_eq!(open(&certificate, Some((&certificate, &key))), Ok(()));
        assert_eq!(open(&None, None), Err("members of etcd with https need --etcd-cafile".to_owned()));
        for wrong in [&neither, &key] {
            assert_eq!(open(wrong, None), is_none(wrong, "certificate"));
        }
        assert_eq!(open(&certificate, Some((&key, &key))), is_none(&key, "certificate"));
        assert_eq!(open(&certificate, Some((&certificate, &certificate))), is_none(&certificate, "key"));
        let missing = folder.path().join("missing");
        let words = format!("{} is not there", missing.display());
        assert_eq!(open(&Some(missing), None), Err(words));
    }
}
