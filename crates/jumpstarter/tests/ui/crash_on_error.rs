use jumpstarter::actor;

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
    fn parcel(&mut self, _m: Parcel) {}
}

fn main() {}
