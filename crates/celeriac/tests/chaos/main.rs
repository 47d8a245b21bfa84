//! Real processes and real servers, killed, cut off, slowed and half-open at
//! random, while tasks and workflows are sent: none is lost.
//!
//! Each test starts servers of its own, senders and workers (this binary run
//! again, see [`child`]), each with a network of its own in between, and lets a
//! [`storm`] over them. When enough was accepted it grows calm, and the checker
//! ([`check`]) looks at every accepted id. `CELERIAC_CHAOS_TASKS`, `_WORKFLOWS`,
//! `_FAULTS` and `_SEED` say how long and which (`cargo xtask chaos`).

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test reports by panicking"
)]
#![expect(clippy::print_stdout, reason = "its figures are what the long form is for")]

mod arena;
mod check;
mod child;
mod log;
mod pace;
mod storm;

use celeriac_testkit::server::Kind;

use crate::arena::Arena;

/// Sends and runs on these servers in a storm, then looks at what became of it.
async fn survives(name: &str, broker: Option<Kind>, store: Option<Kind>) {
    let Some(mut arena) = Arena::open(broker, store).await else { return };
    let faults = storm::rage(&mut arena).await;
    println!("chaos on {name}: {}", check::look(&arena, &faults).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis() {
    survives("Redis", Some(Kind::Redis), None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres() {
    survives("PostgreSQL", Some(Kind::Postgres), None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rabbitmq() {
    survives("RabbitMQ, state in Redis", Some(Kind::RabbitMq), Some(Kind::Redis)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nats() {
    survives("NATS, state in PostgreSQL", Some(Kind::Nats), Some(Kind::Postgres)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn directory() {
    survives("a directory", None, None).await;
}
