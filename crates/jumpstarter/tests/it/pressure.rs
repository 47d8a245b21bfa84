//! Many senders, little room, several threads: nothing is lost, nobody hangs.

use std::time::Duration;

use jumpstarter::{Address, Context, Options, System, actor};

struct Sum {
    total: u64,
    forward: Option<Address<Sum>>,
}

struct Add(u64);
struct Total;

#[actor]
impl Sum {
    #[handler]
    async fn add(&mut self, m: Add, _ctx: &mut Context<Self>) {
        self.total += m.0;
        if let Some(next) = &self.forward {
            let passed_on = next.tell(m).await;
            assert!(passed_on.is_ok());
        }
    }

    #[handler]
    fn total(&mut self, _m: Total) -> u64 {
        self.total
    }
}

const SENDERS: u64 = 8;
const EACH: u64 = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_on_the_way_through_two_narrow_mailboxes() {
    let system = System::new("test");
    let narrow = || Options::default().mailbox(3).batch(2);
    let last = system.spawn("last", narrow(), || Sum { total: 0, forward: None });
    let next = last.clone();
    let first =
        system.spawn("first", narrow(), move || Sum { total: 0, forward: Some(next.clone()) });
    let sender = |_| {
        let first = first.clone();
        async move {
            for n in 0..EACH {
                match n % 3 {
                    0 => first.ask(Add(1)).await.unwrap(),
                    1 => first.tell(Add(1)).await.unwrap(),
                    _ => first.recipient().tell(Add(1)).await.unwrap(),
                }
            }
        }
    };
    let pauses = async {
        for _ in 0..50 {
            if first.pause().await.is_ok() {
                tokio::task::yield_now().await;
                first.resume().await.unwrap();
            }
            tokio::task::yield_now().await;
        }
    };
    let senders = futures_util::future::join_all((0..SENDERS).map(sender));
    tokio::join!(senders, pauses);
    assert_eq!(first.ask(Total).await, Ok(SENDERS * EACH));
    first.stop().await;
    assert_eq!(last.ask(Total).await, Ok(SENDERS * EACH));
    assert!(system.shutdown(Duration::from_secs(5)).await.is_clean());
    assert_eq!(system.dead_letters(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actors_come_and_go() {
    let system = System::new("test");
    for round in 0..500 {
        let sum = system.spawn("sum", Options::default(), || Sum { total: 0, forward: None });
        sum.try_tell(Add(round)).unwrap();
        if round % 2 == 0 {
            assert_eq!(sum.ask(Total).await, Ok(round));
        }
        sum.stop().await;
    }
    assert!(system.snapshot().is_empty());
}
