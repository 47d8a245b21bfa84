use jumpstarter::actor;

struct Door;
struct Knock;
struct Walk;
struct Shout;
struct Wait;

#[actor]
impl Door {
    #[handler(in = started.running)]
    fn knock(&mut self, _m: Knock) -> u32 {
        1
    }

    #[handler(in = started.running.degraded)]
    fn knock_softly(&mut self, _m: Knock) -> u64 {
        1
    }

    #[handler(in = started.running, otherwise = "stash")]
    fn walk(&mut self, _m: Walk) {}

    #[handler]
    fn run(&mut self, _m: Walk) {}

    #[handler(in = started.{running, paused})]
    fn shout(&mut self, _m: Shout) {}

    #[handler(in = started.running)]
    fn cry(&mut self, _m: Shout) {}

    #[handler(otherwise = "stash")]
    fn wait(&mut self, _m: Wait) {}

    #[handler(in = started.running, otherwise = "forget")]
    fn wait_long(&mut self, _m: Wait) {}
}

fn main() {}
