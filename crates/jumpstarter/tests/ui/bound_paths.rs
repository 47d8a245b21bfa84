use jumpstarter::actor;

struct Door;
struct Knock;

#[actor]
impl Door {
    #[handler(in = started.running.healthi)]
    fn knock(&mut self, _m: Knock) {}
}

fn main() {}
