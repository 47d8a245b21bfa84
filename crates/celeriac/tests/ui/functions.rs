//! What can be no task.

#[celeriac::task]
async fn generic<T>(value: T) {}

#[celeriac::task]
unsafe fn not_safe() {}

#[celeriac::task]
extern "C" fn foreign() {}

#[celeriac::task]
fn gives_no_type() -> impl ToString {}

#[celeriac::task]
fn gives_a_borrow(ctx: &celeriac::TaskContext) -> &str {}

#[celeriac::task]
fn named(named: u8) {}

#[celeriac::task]
struct NotAFunction;

fn main() {}
