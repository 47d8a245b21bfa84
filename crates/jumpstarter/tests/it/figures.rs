//! What a snapshot counts: what waits, what is in hand, what is put aside.

use jumpstarter::{Context, Lifecycle, Options, System, actor, statechart};

statechart! {
    Hours extends Lifecycle {
        started.running.healthy { initial closed, open };
        on open: started.running.healthy.closed => started.running.healthy.open;
    }
}

struct Shop;
struct Fall;
struct Customer;
struct Look;

#[actor(chart = Hours)]
impl Shop {
    #[handler]
    fn fall(&mut self, _m: Fall) {
        panic!("fell");
    }

    #[handler(in = started.running.healthy.open, otherwise = "stash")]
    fn serve(&mut self, _m: Customer) {}

    #[handler]
    fn look(&mut self, _m: Look, ctx: &Context<Self>) -> (usize, usize, usize) {
        let shop = ctx.address().snapshot();
        (shop.mailbox_depth, shop.in_hand, shop.stashed)
    }
}

#[tokio::test]
async fn nothing_is_in_hand_after_a_panic() {
    let system = System::new("test");
    let shop = system.spawn("shop", Options::default(), || Shop);
    shop.started().await.unwrap();
    shop.tell(Fall).await.unwrap();
    while shop.snapshot().restarts != 1 {
        tokio::task::yield_now().await;
    }
    let snapshot = shop.snapshot();
    assert_eq!((snapshot.mailbox_depth, snapshot.in_hand, snapshot.stashed), (0, 0, 0));
}

#[tokio::test]
async fn what_was_in_hand_at_a_panic_still_is() {
    let system = System::new("test");
    let hour = std::time::Duration::from_secs(3600);
    let options = Options::default().backoff(jumpstarter::Backoff { first: hour, max: hour });
    let shop = system.spawn("shop", options, || Shop);
    shop.started().await.unwrap();
    for _ in 0..3 {
        shop.try_tell(Fall).unwrap();
    }
    // The second crash waits for an hour.
    while shop.snapshot().restarts != 1 || shop.lifecycle() != jumpstarter::State::Crashed {
        tokio::task::yield_now().await;
    }
    let snapshot = shop.snapshot();
    assert_eq!((snapshot.mailbox_depth, snapshot.in_hand), (0, 1));
    shop.kill().await;
    assert_eq!(shop.snapshot().in_hand, 0);
}

#[tokio::test]
async fn the_depth_is_never_beyond_the_bound() {
    let system = System::new("test");
    let shop = system.spawn("shop", Options::default().mailbox(2), || Shop);
    shop.started().await.unwrap();
    for _ in 0..2 {
        shop.tell(Customer).await.unwrap();
    }
    // The one who asks is at work, and two are put aside.
    assert_eq!(shop.ask(Look).await, Ok((0, 1, 2)));
    shop.pause().await.unwrap();
    for _ in 0..2 {
        shop.try_tell(Customer).unwrap();
    }
    assert!(shop.try_tell(Customer).is_err());
    let snapshot = shop.snapshot();
    assert_eq!((snapshot.mailbox_depth, snapshot.mailbox_capacity), (2, Some(2)));
    assert_eq!(snapshot.stashed, 2);
    shop.resume().await.unwrap();
    shop.fire(hours::Trigger::Open).await.unwrap();
    assert_eq!(shop.ask(Look).await, Ok((0, 1, 0)));
}
