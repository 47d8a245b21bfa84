//! An argument that is not `Serialize`.

struct Opaque;

#[celeriac::task]
async fn take(_opaque: Opaque) {}

fn main() {}
