//! Clients of API servers.

use kube::config::{KubeConfigOptions, Kubeconfig as Document};
use kube::{Client, Config};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::config::Kubeconfig;

/// Why there is no client.
#[derive(Debug, Error)]
pub(crate) enum ClientError {
    /// The file cannot be read or used.
    #[error("{0}")]
    Kubeconfig(#[source] Box<kube::config::KubeconfigError>),
    /// The controller does not run in a Pod.
    #[error("this is no Pod: {0}")]
    InCluster(#[source] Box<kube::config::InClusterError>),
    /// The credentials cannot be used.
    #[error("{0}")]
    Client(#[source] Box<kube::Error>),
    /// A kubeconfig out of a Secret must say everything itself: a program or file that it names would be ours.
    #[error("{0} names a program or a file: a kubeconfig in a Secret must have everything in it")]
    NotWhole(String),
}

/// A client by the controller's own configuration.
pub(crate) async fn by_config(kubeconfig: &Kubeconfig) -> Result<Client, ClientError> {
    let config = match kubeconfig {
        Kubeconfig::InCluster => {
            Config::incluster().map_err(|error| ClientError::InCluster(Box::new(error)))?
        }
        Kubeconfig::File(path, context) => {
            let document = Document::read_from(path).map_err(wrong)?;
            by_document(document, context.clone()).await?
        }
    };
    client(config)
}

/// A client by a kubeconfig out of a Secret.
pub(crate) async fn by_text(text: &str, context: Option<String>) -> Result<Client, ClientError> {
    let document = Document::from_yaml(text).map_err(wrong)?;
    is_whole(&document)?;
    client(by_document(document, context).await?)
}

/// What a client by the controller's own configuration would be made of: another one means that another client is needed.
/// `None`: it cannot be read. Tokens in files are read again by clients themselves.
pub(crate) fn fingerprint(kubeconfig: &Kubeconfig) -> Option<[u8; 32]> {
    let Kubeconfig::File(path, _) = kubeconfig else { return Some([0; 32]) };
    let document = Document::read_from(path).ok()?;
    let mut hash = Sha256::new();
    hash.update(std::fs::read(path).ok()?);
    let authorities =
        document.clusters.iter().filter_map(|named| named.cluster.as_ref()?.certificate_authority.as_ref());
    let own = document.auth_infos.iter().filter_map(|named| named.auth_info.as_ref());
    let own = own.flat_map(|user| [&user.client_certificate, &user.client_key]).flatten();
    for file in authorities.chain(own) {
        hash.update([0]);
        hash.update(std::fs::read(file).ok()?);
    }
    Some(hash.finalize().into())
}

async fn by_document(document: Document, context: Option<String>) -> Result<Config, ClientError> {
    let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
    Config::from_custom_kubeconfig(document, &options).await.map_err(wrong)
}

fn wrong(error: kube::config::KubeconfigError) -> ClientError {
    ClientError::Kubeconfig(Box::new(error))
}

fn client(config: Config) -> Result<Client, ClientError> {
    Client::try_from(config).map_err(|error| ClientError::Client(Box::new(error)))
}

fn is_whole(document: &Document) -> Result<(), ClientError> {
    for named in &document.auth_infos {
        let Some(user) = &named.auth_info else { continue };
        if user.exec.is_some()
            || user.auth_provider.is_some()
            || user.token_file.is_some()
            || user.client_certificate.is_some()
            || user.client_key.is_some()
        {
            return Err(ClientError::NotWhole(format!("the user {}", named.name)));
        }
    }
    for named in &document.clusters {
        if named.cluster.as_ref().is_some_and(|cluster| cluster.certificate_authority.is_some()) {
            return Err(ClientError::NotWhole(format!("the cluster {}", named.name)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_kubeconfig_in_a_secret_runs_no_program_and_reads_no_file() {
        let text = |cluster: &str, user: &str| {
            format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
                 contexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n\
                 clusters: [{{name: k, cluster: {{server: 'https://127.0.0.1:1'{cluster}}}}}]\n\
                 users: [{{name: u, user: {{{user}}}}}]\n"
            )
        };
        for (cluster, user, expected) in [
            ("", "token: x", None),
            (
                "",
                "exec: {command: /bin/true, apiVersion: client.authentication.k8s.io/v1}",
                Some("the user u"),
            ),
            ("", "tokenFile: /etc/passwd", Some("the user u")),
            ("", "client-certificate: /etc/passwd", Some("the user u")),
            (", certificate-authority: /etc/passwd", "token: x", Some("the cluster k")),
        ] {
            let result = by_text(&text(cluster, user), None).await;
            match (expected, result) {
                (None, result) => assert!(result.is_ok()),
                (Some(expected), Err(error)) => assert!(error.to_string().starts_with(expected), "{error}"),
                (Some(_), Ok(_)) => panic!("{user}{cluster} was taken"),
            }
        }
        assert!(by_text(&text("", "token: x"), Some("other".to_owned())).await.is_err());
        assert!(by_text("{", None).await.is_err());
    }

    #[test]
    fn a_kubeconfig_is_another_one_when_it_or_a_file_that_it_names_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("east.kubeconfig");
        let write = |server: &str| {
            let text = format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
                 contexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n\
                 clusters: [{{name: k, cluster: {{server: '{server}', certificate-authority: ca.crt}}}}]\n\
                 users: [{{name: u, user: {{token: x}}}}]\n"
            );
            std::fs::write(&path, text).unwrap();
        };
        let print = || fingerprint(&Kubeconfig::File(path.clone(), None));
        write("https://127.0.0.1:1");
        assert_eq!(print(), None, "ca.crt is not there");
        std::fs::write(folder.path().join("ca.crt"), "one").unwrap();
        let first = print();
        assert!(first.is_some() && print() == first);
        std::fs::write(folder.path().join("ca.crt"), "two").unwrap();
        let second = print();
        assert!(second.is_some() && second != first);
        write("https://127.0.0.1:2");
        assert!(print().is_some() && print() != second);
        std::fs::write(&path, "{").unwrap();
        assert_eq!(print(), None);
    }
}
