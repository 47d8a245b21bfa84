//! Parameters that can't travel in a message.

struct Machine;

#[celeriac::task]
async fn method(self) {}

#[celeriac::task]
async fn borrows(name: &str) {}

fn main() {
    let _ = Machine;
}
