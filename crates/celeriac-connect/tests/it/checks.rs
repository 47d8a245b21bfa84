//! Checks against real endpoints and ports of this machine.

use std::net::TcpListener;
use std::time::Duration;

use celeriac_connect::checks::{Http, Tcp};
use celeriac_core::health::{Check, Finding, HealthStatus};

use crate::server::{Answer, serve};

async fn found(mut check: impl Check) -> Finding {
    check.check().await.unwrap()
}

#[tokio::test]
async fn an_endpoint_is_asked_for_its_options() {
    let address = serve(|request| match request.line.split(' ').next() {
        Some("OPTIONS") => {
            let headers = vec![("allow", "GET, POST".to_owned())];
            Answer { headers, ..Answer::new(204, "") }
        }
        _ => Answer::new(500, ""),
    });
    let http = || Http::new(&format!("http://{address}/")).unwrap();
    let fine = found(http().allows("POST")).await;
    assert_eq!(fine.status, HealthStatus::Healthy, "{}", fine.note);
    let not_allowed = found(http().allows("DELETE")).await;
    assert_eq!(not_allowed.status, HealthStatus::PermanentlyUnavailable);
    assert_eq!(not_allowed.note, "it does not allow DELETE, but get, post");
    assert_eq!(found(http().slow(Duration::ZERO)).await.status, HealthStatus::Degraded);
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_unhealthy() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = found(Http::new(&format!("http://{gone}/")).unwrap()).await;
    assert_eq!(refused.status, HealthStatus::Unhealthy, "{}", refused.note);
    let unknown = found(Http::new("http://no-such-host.invalid/").unwrap()).await;
    assert_eq!(unknown.status, HealthStatus::Unhealthy);
    assert!(unknown.note.starts_with("DNS: `no-such-host.invalid`"), "{}", unknown.note);
}

#[tokio::test]
async fn a_port_accepts_or_does_not() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    assert_eq!(found(Tcp::new(&address)).await.status, HealthStatus::Healthy);
    drop(listener);
    let refused = found(Tcp::new(&address)).await;
    assert_eq!(refused.status, HealthStatus::Unhealthy);
    assert!(refused.note.contains(&address), "{}", refused.note);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn disk_and_memory_say_how_much_is_free() {
    use celeriac_connect::checks::{Disk, Memory};
    for finding in [found(Disk::new("/")).await, found(Memory::new()).await] {
        assert!(finding.note.contains(" % of "), "{}", finding.note);
    }
    let below = found(Disk::new("/").below(101.0, 101.0)).await;
    assert_eq!(below.status, HealthStatus::Unhealthy);
}
