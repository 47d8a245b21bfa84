//! The tasks, and the child: a process with a worker that the parent kills.

use celeriac::{App, MessageId};
use celeriac_testkit::child::{Child, say};

/// Names the child's broker; absent in the parent.
const ADDRESS: &str = "CELERIAC_CRASH_ADDRESS";

#[celeriac::task(name = "redis.double")]
pub(crate) async fn double(number: i64) -> i64 {
    2 * number
}

#[celeriac::task(name = "redis.next")]
pub(crate) async fn next(number: i64) -> i64 {
    number + 1
}

#[celeriac::task(name = "redis.sum")]
pub(crate) async fn sum(numbers: Vec<i64>) -> i64 {
    numbers.iter().sum()
}

/// Where the server is, with keys of this test's own; nothing if it is not there.
pub(crate) fn place() -> Option<String> {
    let server = std::env::var("CELERIAC_TEST_REDIS");
    let server = server.unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let host = server.trim_start_matches("redis://");
    if std::net::TcpStream::connect(host).is_err() {
        println!("skipped: there is no Redis at {host}");
        return None;
    }
    Some(format!("{server}?prefix=test:{}&lease=1s", MessageId::new()))
}

pub(crate) fn app(address: &str) -> App {
    let app = App::connect(address).unwrap();
    app.register(double).register(next).register(sum)
}

/// Runs this binary again, with a worker; returns when that has started.
pub(crate) fn start(address: &str) -> Child {
    let mut child = Child::spawn("child::child", [(ADDRESS, address)]);
    assert_eq!(child.word().as_deref(), Some("started"), "the child has ended");
    child
}

/// The child's entry; without an address it is a test that has nothing to do.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(address) = std::env::var(ADDRESS) else { return };
    let _worker = app(&address).start_worker().await.unwrap();
    say("started");
    std::future::pending::<()>().await;
}
