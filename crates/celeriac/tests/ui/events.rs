//! What can be no event.

#[celeriac::event]
struct Generic<T>(T);

#[celeriac::event]
fn function() {}

#[celeriac::event(queue = "x")]
struct UnknownOption;

#[celeriac::event(name = 7)]
struct Mistyped;

fn main() {}
