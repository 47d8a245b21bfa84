//! Senders, room, and the actor that takes.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use futures_util::FutureExt;
use shuttle::future::block_on;
use shuttle::thread::JoinHandle;

use super::{Notes, explore, on_thread};
use crate::{Address, Context, Options, RestartPolicy, System, TellError, TryTellError, actor};

/// Notes what it gets.
#[derive(Default)]
pub(super) struct Clerk(pub(super) Notes<(u32, u32)>);

/// Sender and number.
pub(super) struct Letter(pub(super) u32, pub(super) u32);

/// Makes the clerk give up.
struct Blunder;

#[actor]
impl Clerk {
    #[handler]
    fn blunder(&mut self, _m: Blunder, ctx: &Context<Self>) {
        ctx.report_error("a blunder");
    }

    #[handler]
    fn letter(&mut self, m: Letter) {
        self.0.add((m.0, m.1));
    }
}

pub(super) fn clerk(options: Options) -> (System, Address<Clerk>, Notes<(u32, u32)>) {
    let system = System::new("test");
    let notes = Notes::default();
    let noted = notes.clone();
    let clerk = system.spawn("clerk", options, move || Clerk(noted.clone()));
    (system, clerk, notes)
}

/// The numbers that came from one sender.
fn of(sender: u32, notes: &Notes<(u32, u32)>) -> Vec<u32> {
    let all = notes.all();
    all.into_iter().filter(|(from, _)| *from == sender).map(|(_, number)| number).collect()
}

fn two_senders(options: fn() -> Options) {
    explore(move || {
        let (system, clerk, notes) = clerk(options());
        let senders: Vec<_> = (0..2)
            .map(|sender| {
                let clerk = clerk.clone();
                on_thread(async move {
                    for number in 0..3 {
                        match number {
                            1 => clerk.ask(Letter(sender, number)).await.unwrap(),
                            _ => clerk.tell(Letter(sender, number)).await.unwrap(),
                        }
                    }
                })
            })
            .collect();
        for sender in senders {
            sender.join().unwrap();
        }
        block_on(clerk.stop());
        assert_eq!(of(0, &notes), [0, 1, 2]);
        assert_eq!(of(1, &notes), [0, 1, 2]);
        assert_eq!(system.dead_letters(), 0);
    });
}

#[test]
fn all_arrives_in_order_where_there_is_room() {
    two_senders(Options::default);
}

#[test]
fn all_arrives_in_order_through_a_narrow_mailbox() {
    two_senders(|| Options::default().mailbox(1).batch(1));
}

#[test]
fn room_is_handed_on_in_order_and_nobody_overtakes() {
    explore(|| {
        let (_system, clerk, notes) = clerk(Options::default().mailbox(1));
        clerk.try_tell(Letter(0, 0)).unwrap();
        let (first, second) = (clerk.clone(), clerk.clone());
        let mut first = Box::pin(async move { first.tell(Letter(1, 0)).await });
        // Stands in line, or has arrived.
        let first_is_in = first.as_mut().now_or_never().is_some();
        let second = on_thread(async move { second.tell(Letter(2, 0)).await.unwrap() });
        if !first_is_in {
            let first = on_thread(first);
            first.join().unwrap().unwrap();
        }
        second.join().unwrap();
        block_on(clerk.stop());
        assert_eq!(notes.all(), [(0, 0), (1, 0), (2, 0)]);
    });
}

#[test]
fn a_place_in_line_that_is_given_up_goes_to_the_next() {
    explore(|| {
        let (_system, clerk, notes) = clerk(Options::default().mailbox(1));
        clerk.try_tell(Letter(0, 0)).unwrap();
        let leaving = clerk.clone();
        let leaves = on_thread(async move {
            let mut tell = pin!(leaving.tell(Letter(1, 0)));
            // One look, then it loses interest.
            poll_fn(|cx| {
                let _ = tell.as_mut().poll(cx);
                Poll::Ready(())
            })
            .await;
        });
        let waiting = clerk.clone();
        let waits = on_thread(async move { waiting.tell(Letter(2, 0)).await.unwrap() });
        leaves.join().unwrap();
        waits.join().unwrap();
        block_on(clerk.stop());
        assert_eq!(of(2, &notes), [0]);
        assert!(of(1, &notes).len() <= 1);
    });
}

#[test]
fn what_a_closing_mailbox_takes_is_worked_off_and_the_rest_comes_back() {
    explore(|| {
        let (system, clerk, notes) = clerk(Options::default().mailbox(1));
        let sender = |sender: u32| {
            let clerk = clerk.clone();
            on_thread(async move {
                let mut taken = Vec::new();
                for number in 0..2 {
                    match clerk.tell(Letter(sender, number)).await {
                        Ok(()) => taken.push(number),
                        Err(TellError(back)) => assert_eq!((back.0, back.1), (sender, number)),
                    }
                }
                taken
            })
        };
        let (first, second) = (sender(0), sender(1));
        block_on(clerk.stop());
        let (first, second) = (first.join().unwrap(), second.join().unwrap());
        assert_eq!(of(0, &notes), first);
        assert_eq!(of(1, &notes), second);
        assert_eq!(system.dead_letters() as usize, 4 - first.len() - second.len());
    });
}

#[test]
fn after_a_quick_stop_each_message_is_worked_on_or_a_dead_letter() {
    explore(|| {
        let (system, clerk, notes) = clerk(Options::default());
        let sender = three_letters(&clerk);
        let stopping = clerk.clone();
        let stopper = on_thread(async move { drop(stopping.stop_now().await) });
        sender.join().unwrap();
        stopper.join().unwrap();
        let worked_on = of(0, &notes);
        assert_eq!(worked_on.len() + system.dead_letters() as usize, 3);
        assert!(worked_on.iter().copied().eq(0..worked_on.len() as u32), "{worked_on:?}");
    });
}

#[test]
fn what_comes_while_an_actor_gives_up_is_a_dead_letter() {
    explore(|| {
        let options = Options::default().restart(RestartPolicy::Temporary);
        let (system, clerk, notes) = clerk(options);
        clerk.try_tell(Blunder).unwrap();
        let sender = three_letters(&clerk);
        block_on(clerk.stopped());
        sender.join().unwrap();
        assert_eq!(of(0, &notes).len() + system.dead_letters() as usize, 3);
    });
}

fn three_letters(clerk: &Address<Clerk>) -> JoinHandle<()> {
    let clerk = clerk.clone();
    on_thread(async move {
        for number in 0..3 {
            match clerk.try_tell(Letter(0, number)) {
                Ok(()) | Err(TryTellError::Closed(_)) => {}
                Err(TryTellError::Full(_)) => panic!("there is room"),
            }
        }
    })
}
