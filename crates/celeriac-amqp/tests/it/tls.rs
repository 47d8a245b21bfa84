//! `amqps://`, through a proxy that ends TLS with a certificate that a child
//! process trusts.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;

use celeriac_amqp::Options;
use celeriac_core::{Address, Broker as _, MessageId};
use jumpstarter::System;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::harness::server;

/// Names the server that the child connects to; absent in the parent.
const ADDRESS: &str = "CELERIAC_TEST_TLS_ADDRESS";

/// The child: the certificates that are trusted are chosen by its environment.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(address) = std::env::var(ADDRESS) else {
        return;
    };
    let options = Options { prefix: format!("test.{}", MessageId::new()), ..Options::default() };
    let system = System::new("tls");
    let amqp = celeriac_amqp::open(&Address::from(address), options, &system).await.unwrap();
    assert_eq!(amqp.queues().await.unwrap(), []);
    amqp.delete_all().await.unwrap();
    amqp.close().await;
}

/// Passes on what comes, without TLS, one connection after the other.
async fn end_tls(listener: TcpListener, acceptor: TlsAcceptor, server: String) {
    loop {
        let (accepted, _) = listener.accept().await.unwrap();
        // A client that does not trust the certificate hangs up.
        let Ok(mut outside) = acceptor.accept(accepted).await else { continue };
        let mut inside = TcpStream::connect(&server).await.unwrap();
        let _ = copy_bidirectional(&mut outside, &mut inside).await;
    }
}

async fn run_child(proxy: SocketAddr, user: &str, trusted: &str) -> bool {
    let address = format!("amqps://{user}@localhost:{}", proxy.port());
    let mut child = tokio::process::Command::from(Command::new(std::env::current_exe().unwrap()));
    child.args(["--exact", "tls::child"]).env(ADDRESS, address);
    child.env("SSL_CERT_FILE", trusted).env_remove("SSL_CERT_DIR");
    child.output().await.unwrap().status.success()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_trusted_certificate_is_spoken_to() {
    let server = url::Url::parse(&server()).unwrap();
    let user = format!("{}:{}", server.username(), server.password().unwrap_or_default());
    let inside = format!("{}:{}", server.host_str().unwrap(), server.port().unwrap_or(5672));
    let directory = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = directory.path().join("cert.pem");
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap();
    let serving = end_tls(listener, TlsAcceptor::from(Arc::new(config)), inside);
    let asking = async {
        assert!(run_child(proxy, &user, certificate.to_str().unwrap()).await);
        let is_trusted = run_child(proxy, &user, "/dev/null").await;
        assert!(!is_trusted, "an unknown certificate was trusted");
    };
    tokio::select! {
        () = serving => {}
        () = asking => {}
    }
}
