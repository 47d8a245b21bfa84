use jumpstarter::{Lifecycle, actor, statechart};

statechart! {
    pub Playing extends Lifecycle {
        started.running.healthy { initial quiet, loud };
        on swap: started.running.healthy.quiet => started.running.healthy.loud;
    }
}

struct Jukebox;
struct Coin;

#[actor]
impl Jukebox {
    #[handler(in = started.running.healthy.quiet)]
    fn coin(&mut self, _m: Coin) {}

    #[on_enter(started.running.healthy.loud)]
    fn turn_up(&mut self) {}

    #[before(swap)]
    fn listen(&mut self) {}
}

fn main() {}
