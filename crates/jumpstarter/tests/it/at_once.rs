//! Handlers that await nothing beside those that do: in one order, with one count,
//! and a panic among them costs one message.

use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use jumpstarter::{Address, AskError, Context, Options, System, actor};

/// Notes what it works on.
#[derive(Default)]
struct Mixed(Vec<u32>);

struct Now(u32);
struct Later(u32);
struct Again(u32);
struct Panic;
struct Notes;
struct Rest;

#[actor]
impl Mixed {
    #[handler]
    fn now(&mut self, m: Now) {
        self.0.push(m.0);
    }

    #[handler]
    async fn later(&mut self, m: Later) {
        tokio::task::yield_now().await;
        self.0.push(m.0);
    }

    /// Named as a function of the trait that is written for it.
    #[handler]
    fn dispatch_now(&mut self, m: Again) {
        self.0.push(m.0);
    }

    #[handler]
    fn panic(&mut self, _m: Panic) {
        panic!("out of luck");
    }

    #[handler]
    fn notes(&mut self, _m: Notes) -> Vec<u32> {
        std::mem::take(&mut self.0)
    }

    #[handler]
    fn rest(&mut self, _m: Rest, ctx: &mut Context<Self>) {
        ctx.stop_self();
    }
}

fn mixed(system: &System) -> Address<Mixed> {
    system.spawn("mixed", Options::default(), Mixed::default)
}

#[tokio::test]
async fn messages_of_both_kinds_keep_their_order() {
    let system = System::new("test");
    let mixed = mixed(&system);
    // More than fits into a turn, and the kinds in runs of different lengths.
    let kinds: Vec<bool> = (0_u32..900).map(|n| n % 7 < 4 || n % 31 == 0).collect();
    for (n, now) in (0..).zip(&kinds) {
        match now {
            true => mixed.tell(Now(n)).await.unwrap(),
            false => mixed.tell(Later(n)).await.unwrap(),
        }
    }
    assert_eq!(mixed.ask(Notes).await.unwrap(), (0..900).collect::<Vec<_>>());
    system.shutdown(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_costs_its_own_message_and_no_other() {
    let system = System::new("test");
    let mixed = mixed(&system);
    mixed.started().await.unwrap();
    for n in 0..5 {
        mixed.tell(Now(n)).await.unwrap();
    }
    let (broken, rest) = tokio::join!(mixed.ask(Panic), async {
        mixed.tell(Now(7)).await.unwrap();
        mixed.tell(Later(8)).await.unwrap();
        mixed.ask(Notes).await
    });
    assert_eq!(broken, Err(AskError::NoReply));
    assert_eq!(rest.unwrap(), [7, 8]);
    // A batch counts when it is done.
    mixed.tell(Rest).await.unwrap();
    mixed.stopped().await;
    let snapshot = mixed.snapshot();
    assert_eq!((snapshot.restarts, snapshot.processed, snapshot.in_hand), (1, 9, 0));
}

#[tokio::test]
async fn a_stop_works_off_both_kinds() {
    let system = System::new("test");
    let mixed = mixed(&system);
    for n in 0..300 {
        match n % 3 {
            1 => mixed.tell(Again(n)).await.unwrap(),
            0 => mixed.tell(Later(n)).await.unwrap(),
            _ => mixed.tell(Now(n)).await.unwrap(),
        }
    }
    let mut asked = pin!(mixed.ask(Notes));
    assert!(asked.as_mut().now_or_never().is_none());
    let (notes, _) = tokio::join!(asked, mixed.stop());
    assert_eq!(notes.unwrap().len(), 300);
}
