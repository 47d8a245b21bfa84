//! How long outcomes are kept that share a bucket: each for as long as it shall be,
//! and those that expire early not for as long as the last.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::outcome::Completion;
use celeriac_core::store::Results as _;
use celeriac_core::{Address, ContentType, MessageId, Outcome, Timestamp};
use celeriac_redis::{Options, Redis};
use celeriac_testkit::probe::eventually;
use celeriac_testkit::server::{Kind, Server};
use jumpstarter::System;
use parking_lot::Mutex;
use redis::Connection;

const HOUR: Duration = Duration::from_secs(3600);

async fn open(server: &Server) -> (Arc<Redis>, Connection) {
    // The shorter the lease, the more often what has expired is looked for.
    let options = Options { lease: Duration::from_millis(300), ..Options::default() };
    let (address, system) = (Address::from(server.address()), System::new("outcomes"));
    let redis = celeriac_redis::open(&address, options, &system).await.unwrap();
    let client = redis::Client::open(server.address()).unwrap();
    (redis, client.get_connection().unwrap())
}

/// Ids of one bucket.
fn ids<const N: usize>() -> [MessageId; N] {
    let now = Timestamp::now();
    std::array::from_fn(|at| MessageId::from_parts(now, (at as u128) << 112))
}

fn completion(id: MessageId, life: Duration) -> Completion {
    let now = Timestamp::now();
    let outcome = Outcome::success(0, now, ContentType::Json, "1".into());
    Completion { id, outcome, expires_at: now.after(life) }
}

async fn known<const N: usize>(redis: &Redis, ids: [MessageId; N]) -> [bool; N] {
    let entries = redis.entries(&ids).await.unwrap();
    std::array::from_fn(|at| entries[at].is_some())
}

fn keys(connection: &mut Connection, pattern: &str) -> Vec<String> {
    redis::cmd("KEYS").arg(pattern).query(connection).unwrap()
}

/// In ms.
fn life(connection: &mut Connection, key: &str) -> u128 {
    let life: i64 = redis::cmd("PTTL").arg(key).query(connection).unwrap();
    life.try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_lives_as_long_as_what_lives_longest() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let (redis, mut connection) = open(&server).await;
    let [one, other, third] = ids();
    let batch = vec![completion(one, HOUR), completion(other, HOUR)];
    assert_eq!(redis.complete(batch).await.unwrap(), [true, true]);
    let [bucket] = &keys(&mut connection, "*:o:*")[..] else { panic!("they share none") };
    assert!(life(&mut connection, bucket) > HOUR.as_millis() - 60_000);
    redis.complete(vec![completion(third, HOUR + HOUR / 8)]).await.unwrap();
    assert!(life(&mut connection, bucket) > HOUR.as_millis());
    assert_eq!(keys(&mut connection, "*:mixed"), [""; 0], "they expire at about the same time");
    redis.forget(&[one, other]).await.unwrap();
    assert_eq!(known(&redis, [one, other, third]).await, [false, false, true]);
}

/// The mixed buckets, with the time at which each is looked at.
fn mixed(connection: &mut Connection) -> Vec<(String, f64)> {
    let mixed = keys(connection, "*:mixed");
    let Some(key) = mixed.first() else { return Vec::new() };
    let range = redis::cmd("ZRANGE").arg(key).arg(0).arg(-1).arg("WITHSCORES").query(connection);
    range.unwrap()
}

/// The one mixed bucket is looked at now, if it was not yet.
fn look_now(connection: &mut Connection) {
    let key = keys(connection, "*:mixed");
    if let (Some(key), Some((bucket, _))) = (key.first(), mixed(connection).first()) {
        redis::cmd("ZADD").arg(key).arg("XX").arg(0).arg(bucket).exec(connection).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expires_early_is_taken_out() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let (redis, connection) = open(&server).await;
    let connection = Mutex::new(connection);
    for lives in [[Duration::ZERO, HOUR], [HOUR, Duration::ZERO]] {
        let ids = ids::<2>();
        let batch = [0, 1].map(|at| completion(ids[at], lives[at]));
        redis.complete(batch.to_vec()).await.unwrap();
        look_now(&mut connection.lock());
        let left = lives.map(|life| life == HOUR);
        eventually("the early one to be gone", async || known(&redis, ids).await == left).await;
        eventually("nothing to be left", async || mixed(&mut connection.lock()).is_empty()).await;
        redis.forget(&ids).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_is_mixed_whichever_came_first() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let (redis, mut connection) = open(&server).await;
    for lives in [[HOUR / 10, HOUR], [HOUR, HOUR / 10]] {
        let ids = ids::<2>();
        for (id, life) in ids.into_iter().zip(lives) {
            redis.complete(vec![completion(id, life)]).await.unwrap();
        }
        let latest = Timestamp::now().after(HOUR / 10).as_millis() as f64;
        let [(_, at)] = &mixed(&mut connection)[..] else { panic!("{lives:?}: not noted") };
        assert!(*at <= latest && *at > latest - 60_000.0, "{lives:?}: {at}, {latest}");
        redis::cmd("FLUSHALL").exec(&mut connection).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_used_for_long_is_mixed_in_the_end() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let (redis, mut connection) = open(&server).await;
    let ids = ids::<5>();
    // Each lives a little longer than the one before: 60, 70, 80 … minutes.
    for (at, id) in ids.into_iter().enumerate() {
        let life = HOUR + u32::try_from(at).unwrap() * (HOUR / 6);
        redis.complete(vec![completion(id, life)]).await.unwrap();
        assert_eq!(mixed(&mut connection).len(), usize::from(at > 1), "{at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_late_is_told_by_position_in_however_many_calls() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let (redis, _) = open(&server).await;
    // Of several buckets, with more than one call for each.
    let ids = Vec::from_iter((0..5000).map(|_| MessageId::new()));
    let batch = |step| Vec::from_iter(ids.iter().step_by(step).map(|id| completion(*id, HOUR)));
    assert_eq!(redis.complete(batch(3)).await.unwrap(), vec![true; 1667]);
    let is_first = redis.complete(batch(1)).await.unwrap();
    assert!(is_first.iter().enumerate().all(|(at, is_first)| *is_first == (at % 3 != 0)));
    assert!(redis.entries(&ids).await.unwrap().iter().all(Option::is_some));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mixed_bucket_is_looked_at_again_when_the_next_has_expired() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let (redis, connection) = open(&server).await;
    let connection = Mutex::new(connection);
    let ids = ids::<3>();
    let lives = [Duration::ZERO, HOUR, 24 * HOUR];
    let batch = [0, 1, 2].map(|at| completion(ids[at], lives[at]));
    redis.complete(batch.to_vec()).await.unwrap();
    look_now(&mut connection.lock());
    let left = [false, true, true];
    eventually("the first to be gone", async || known(&redis, ids).await == left).await;
    let soon = Timestamp::now().after(HOUR / 2).as_millis() as f64;
    eventually("the time of the next", async || {
        mixed(&mut connection.lock()).iter().any(|(_, at)| *at > soon)
    })
    .await;
}
