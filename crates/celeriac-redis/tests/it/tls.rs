//! `rediss://`, with a certificate that a child process trusts.

use std::process::Command;

use celeriac_core::{Broker as _, ContentType, Message, Name, Sink as _};
use celeriac_redis::Sink;

use crate::faults::open;
use celeriac_testkit::server::{Kind, Server, free_port};

/// Names the server that the child connects to; absent in the parent.
const ADDRESS: &str = "CELERIAC_TEST_TLS_ADDRESS";

/// The child: the certificates that are trusted are chosen by its environment.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(address) = std::env::var(ADDRESS) else {
        return;
    };
    let redis = open(&address).await;
    assert_eq!(redis.queues().await.unwrap(), []);
    let bill = Message::document(Name::from_static("shop::bill"), ContentType::Json, "1");
    let mut sink = Sink::new(address.as_str(), "bills").unwrap();
    sink.write(&[bill.into()]).await.unwrap();
}

#[test]
fn a_server_with_a_trusted_certificate_is_spoken_to() {
    let directory = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let port = free_port();
    let [certificate, key] = [&certificate, &key].map(|path| path.to_str().unwrap());
    let Some(server) = Server::start(
        Kind::Redis,
        &[
            "--tls-port",
            &port.to_string(),
            "--tls-cert-file",
            certificate,
            "--tls-key-file",
            key,
            "--tls-ca-cert-file",
            certificate,
            "--tls-auth-clients",
            "no",
        ],
    ) else {
        return;
    };
    let child = |trusted: &str| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tls::child"])
            .env(ADDRESS, format!("rediss://localhost:{port}"))
            .env("SSL_CERT_FILE", trusted)
            .env_remove("SSL_CERT_DIR")
            .output()
            .unwrap()
    };
    let output = child(certificate);
    assert!(output.status.success(), "{output:?}");
    let plain = redis::Client::open(server.address()).unwrap();
    let written = redis::cmd("XLEN").arg("bills").query(&mut plain.get_connection().unwrap());
    assert_eq!(written, Ok(1));
    assert!(!child("/dev/null").status.success(), "an unknown certificate was trusted");
}
