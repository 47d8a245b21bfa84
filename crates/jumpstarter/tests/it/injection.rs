//! Crashes that tests ask for.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use jumpstarter::{AskError, Options, System, actor};
use tokio::sync::Notify;

struct Waiter(Arc<Notify>);
struct Forever;
struct Ping;

#[actor]
impl Waiter {
    #[handler]
    async fn forever(&mut self, _m: Forever) {
        self.0.notify_one();
        pending().await
    }

    #[handler]
    fn ping(&mut self, _m: Ping) {}
}

#[tokio::test(start_paused = true)]
async fn an_actor_is_crashed_where_it_waits_and_goes_on_with_the_next_message() {
    let system = System::new("test");
    let options = Options::default().intensity(u32::MAX, Duration::from_secs(1));
    let begun = Arc::new(Notify::new());
    let of_waiter = begun.clone();
    let waiter = system.spawn("waiter", options, move || Waiter(of_waiter.clone()));
    for restarts in 1..=3 {
        let (asked, ()) = tokio::join!(waiter.ask(Forever), async {
            begun.notified().await;
            assert!(system.crash("waiter"));
        });
        assert_eq!(asked, Err(AskError::NoReply));
        assert_eq!(waiter.ask(Ping).await, Ok(()));
        assert_eq!(waiter.snapshot().restarts, restarts);
    }
    assert!(!system.crash("nobody"));
}
