use std::rc::Rc;

use jumpstarter::actor;

struct Clerk {
    desk: Rc<u32>,
}

struct Number;

#[actor]
impl Clerk {
    #[handler]
    async fn number(&mut self, _m: Number) -> u32 {
        *self.desk
    }
}

fn main() {}
