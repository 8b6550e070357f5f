//! Etcd behind a wire that breaks again and again, often between a transaction and its answer.

use std::sync::Arc;

use guideway_store::{EtcdOptions, EtcdStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::etcd::Cluster;
use crate::history::{Upkeep, play};

/// How often an answer, once etcd has given it, breaks the connection instead of getting through.
const LOSS: f64 = 0.02;

/// Passes connections on to an address; returns its own.
async fn wire(to: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            if let Ok(server) = TcpStream::connect(&to).await {
                tokio::spawn(pass(client, server));
            }
        }
    });
    format!("http://{address}")
}

async fn pass(client: TcpStream, server: TcpStream) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length) = from_server.read(&mut buffer).await {
        if length == 0 || rand::random_bool(LOSS) || to_client.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
    requests.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_holds_though_answers_are_lost() {
    let cluster = Cluster::start(1);
    cluster.connect().await;
    let address = cluster.members[0].client.trim_start_matches("http://").to_owned();
    let endpoints = vec![wire(address.clone()).await, wire(address).await];
    let store = EtcdStore::connect(&EtcdOptions { endpoints, ..cluster.options() }).await.unwrap();
    let seed = rand::random();
    eprintln!("seed {seed}");
    // Compaction to the very present would take away what tells the outcome of a transaction.
    play(Arc::new(store), seed, Upkeep::Never).await;
}
