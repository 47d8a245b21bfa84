//! TLS and authentication, and that no password is ever shown.

use celeriac_core::{Broker, ContentType, ErrorKind, Message, Name, Sink as _, Source as _};
use celeriac_postgres::{Config, Options, Postgres, Sink, Source};
use jumpstarter::System;

use crate::server::Server;

const SETTINGS: &str = "ssl = on\nssl_cert_file = '/etc/ssl/certs/ssl-cert-snakeoil.pem'\n\
     ssl_key_file = '/etc/ssl/private/ssl-cert-snakeoil.key'\npassword_encryption = 'scram-sha-256'";
/// Through the network with TLS and password only.
const ACCESS: &str = "local all celeriac trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";

async fn open(server: &Server, user: &str, parameters: &str) -> celeriac_core::error::Result<()> {
    let address = format!("{}?schema=tls{parameters}", server.address(user));
    let postgres =
        Postgres::connect(Config::parse(&address)?, Options::default(), &System::new("tls"))
            .await?;
    let queues = postgres.queues().await;
    postgres.close().await;
    queues.map(drop)
}

/// Writes one document into a table, and reads it there as a row.
async fn write_and_read(server: &Server, parameters: &str) -> celeriac_core::error::Result<usize> {
    let address = format!("{}?{parameters}", server.address("shop:hunter2"));
    let mut sink = Sink::new(address.as_str(), "tls.bills")?;
    let bill = Message::document(Name::from_static("shop::bill"), ContentType::Json, "1");
    let written = sink.write(&[bill.into()]).await;
    let mut source = Source::table(address.as_str(), "tls.bills", "number")?;
    let read = source.poll(None, 10).await;
    written.and(read).map(|polled| polled.documents.len())
}

#[tokio::test]
async fn a_server_that_wants_tls_and_a_password_gets_both() {
    if !std::path::Path::new("/etc/ssl/private/ssl-cert-snakeoil.key").exists() {
        println!("skipped: no certificate of this machine (package ssl-cert)");
        return;
    }
    let Some(server) = Server::start(SETTINGS, ACCESS).await else { return };
    let mut connection = server.connect().await.unwrap();
    let user = "CREATE ROLE shop LOGIN PASSWORD 'hunter2'";
    sqlx::query(user).execute(&mut connection).await.unwrap();
    let may = "GRANT CREATE ON DATABASE postgres TO shop";
    sqlx::query(may).execute(&mut connection).await.unwrap();

    open(&server, "shop:hunter2", "&sslmode=require").await.unwrap();
    let verified = "&sslmode=verify-ca&sslrootcert=/etc/ssl/certs/ssl-cert-snakeoil.pem";
    open(&server, "shop:hunter2", verified).await.unwrap();
    assert_eq!(write_and_read(&server, "sslmode=require").await.unwrap(), 1);

    // The certificate is for another name; no TLS; the wrong password.
    let verified = "&sslmode=verify-full&sslrootcert=/etc/ssl/certs/ssl-cert-snakeoil.pem";
    let other = open(&server, "shop:hunter2", verified).await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Config, "{other:?}");
    let plain = open(&server, "shop:hunter2", "&sslmode=disable").await.unwrap_err();
    let wrong = open(&server, "shop:hunter3", "&sslmode=require").await.unwrap_err();
    assert_eq!((plain.kind(), wrong.kind()), (ErrorKind::Denied, ErrorKind::Denied));
    let edges = write_and_read(&server, "sslmode=disable").await.unwrap_err();
    assert_eq!(edges.kind(), ErrorKind::Denied);
    for error in [other, plain, wrong, edges] {
        assert!(!format!("{error:?} {error}").contains("hunter"), "{error:?}");
    }
}

#[tokio::test]
async fn a_driver_shows_no_password() {
    let place = crate::place::Place::new();
    let postgres = place.open(&System::new("secrets")).await;
    assert!(format!("{postgres:?}").starts_with("Postgres { place: \"postgres://127.0.0.1:"));
    postgres.close().await;
}
