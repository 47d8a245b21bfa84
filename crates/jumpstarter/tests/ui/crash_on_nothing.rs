use jumpstarter::actor;

struct Clerk;
struct Letter;

#[actor]
impl Clerk {
    #[handler(crash_on_error)]
    fn letter(&mut self, _m: Letter) {}
}

fn main() {}
