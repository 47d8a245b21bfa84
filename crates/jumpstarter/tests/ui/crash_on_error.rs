use jumpstarter::{Reply, actor};

struct Clerk;
struct Letter;
struct Parcel;

#[actor]
impl Clerk {
    #[handler(crash_on_error)]
    fn letter(&mut self, _m: Letter) -> u32 {
        7
    }

    #[handler(crash_on_error)]
    fn parcel(&mut self, _m: Parcel, reply: Reply<u32>) -> Vec<u32> {
        reply.send(7);
        Vec::new()
    }
}

fn main() {}
