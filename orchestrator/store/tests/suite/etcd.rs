//! Real etcd, in a folder and on ports of its own.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use guideway_lab::free_port;
use guideway_store::etcd::EtcdTls;
use guideway_store::{EtcdOptions, EtcdStore};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

/// Members that end with this.
pub(crate) struct Cluster {
    pub(crate) members: Vec<Member>,
    pub(crate) folder: TempDir,
    tls: Option<EtcdTls>,
}

pub(crate) struct Member {
    name: String,
    pub(crate) client: String,
    peer: String,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl Cluster {
    /// Starts so many members. They are up when [`Cluster::connect`] has come back.
    pub(crate) fn start(size: usize) -> Self {
        Self::start_with(size, "http", |_| (None, Vec::new()))
    }

    /// One member that wants client certificates.
    pub(crate) fn start_with_tls() -> Self {
        Self::start_with(1, "https", |folder| {
            let (tls, arguments) = certificates(folder);
            (Some(tls), arguments)
        })
    }

    fn start_with(
        size: usize,
        scheme: &str,
        prepare: impl FnOnce(&Path) -> (Option<EtcdTls>, Vec<String>),
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let ports: Vec<u16> = (0..2 * size).map(|_| free_port().unwrap()).collect();
        let url = |scheme: &str, port: u16| format!("{scheme}://127.0.0.1:{port}");
        let (tls, more) = prepare(folder.path());
        let mut members: Vec<Member> = ports
            .chunks(2)
            .enumerate()
            .map(|(n, pair)| Member {
                name: format!("m{n}"),
                client: url(scheme, pair[0]),
                peer: url("http", pair[1]),
                arguments: Vec::new(),
                child: None,
            })
            .collect();
        let all: Vec<String> =
            members.iter().map(|member| format!("{}={}", member.name, member.peer)).collect();
        for member in &mut members {
            member.arguments = arguments(member, folder.path(), &all.join(","));
            member.arguments.extend_from_slice(&more);
            member.run(folder.path());
        }
        Self { members, folder, tls }
    }

    pub(crate) fn options(&self) -> EtcdOptions {
        let endpoints = self.members.iter().map(|member| member.client.clone()).collect();
        EtcdOptions { endpoints, prefix: "/test".into(), tls: self.tls.clone() }
    }

    pub(crate) async fn connect(&self) -> EtcdStore {
        let start = Instant::now();
        loop {
            match EtcdStore::connect(&self.options()).await {
                Ok(store) => return store,
                Err(error) => assert!(start.elapsed() < PATIENCE, "etcd does not come up: {error:?}"),
            }
        }
    }

    /// Which member leads, as they say themselves.
    pub(crate) fn leader(&self) -> usize {
        let start = Instant::now();
        loop {
            let leads = |member: &&Member| {
                let metrics = Command::new("curl")
                    .args(["-s", "-m", "1", &format!("{}/metrics", member.client)])
                    .output();
                metrics.is_ok_and(|metrics| {
                    String::from_utf8_lossy(&metrics.stdout).contains("\netcd_server_is_leader 1")
                })
            };
            if let Some(member) = self.members.iter().find(leads) {
                return self.members.iter().position(|other| other.name == member.name).unwrap();
            }
            assert!(start.elapsed() < PATIENCE, "etcd has no leader");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn kill(&mut self, member: usize) {
        self.members[member].kill();
    }

    pub(crate) fn revive(&mut self, member: usize) {
        self.members[member].run(self.folder.path());
    }
}

fn arguments(member: &Member, folder: &Path, all: &str) -> Vec<String> {
    let data = folder.join(&member.name).display().to_string();
    let pairs = [
        ("--name", member.name.as_str()),
        ("--data-dir", &data),
        ("--listen-client-urls", &member.client),
        ("--advertise-client-urls", &member.client),
        ("--listen-peer-urls", &member.peer),
        ("--initial-advertise-peer-urls", &member.peer),
        ("--initial-cluster", all),
        ("--initial-cluster-state", "new"),
    ];
    pairs.iter().flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()]).collect()
}

/// What etcd and we need to trust each other, and how etcd is told.
fn certificates(folder: &Path) -> (EtcdTls, Vec<String>) {
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, "test");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let issue = |usage: &[ExtendedKeyUsagePurpose]| {
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = usage.to_vec();
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &ca).unwrap().pem(), key.serialize_pem())
    };
    // Its gateway calls itself as a client.
    let server = issue(&[ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth]);
    let client = issue(&[ExtendedKeyUsagePurpose::ClientAuth]);
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let arguments = [
        "--cert-file".into(),
        file("server.crt", &server.0),
        "--key-file".into(),
        file("server.key", &server.1),
        "--trusted-ca-file".into(),
        file("ca.crt", &ca.pem()),
        "--client-cert-auth".into(),
    ];
    (EtcdTls { ca: ca.pem(), client: Some(client) }, arguments.into())
}

impl Member {
    fn run(&mut self, folder: &Path) {
        let log = std::fs::File::create(folder.join(format!("{}.log", self.name))).unwrap();
        let child = Command::new("etcd")
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("cannot run etcd; install it: apt-get install -y --no-install-recommends etcd-server");
        self.child = Some(child);
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
    }
}
