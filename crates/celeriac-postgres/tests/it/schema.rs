//! The tables: made once, by whoever comes first, and never by an older build.

use celeriac_core::{Broker, ErrorKind};
use celeriac_postgres::{Options, Postgres};
use jumpstarter::System;

use crate::place::Place;

#[tokio::test]
async fn of_processes_that_open_at_once_one_makes_the_tables() {
    let (place, system) = (Place::new(), System::new("schema"));
    let (one, two, three) =
        tokio::join!(place.open(&system), place.open(&system), place.open(&system));
    assert_eq!(place.number("SELECT count(*) - max(version) FROM migration").await, 0);
    for postgres in [one, two, three] {
        assert_eq!(postgres.queues().await.unwrap(), []);
        postgres.close().await;
    }
}

#[tokio::test]
async fn tables_of_a_newer_build_are_refused() {
    let (place, system) = (Place::new(), System::new("schema"));
    place.open(&system).await.close().await;
    place.execute("INSERT INTO migration (version) VALUES (1000)").await;
    let opened = Postgres::connect(place.config(""), Options::default(), &system).await;
    let error = opened.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("version 1000"), "{error}");
}
