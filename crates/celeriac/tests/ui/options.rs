//! Options that there are not, or not like that.

#[celeriac::task(qeue = "mail")]
async fn misspelt() {}

#[celeriac::task(priority = 10)]
async fn too_urgent() {}

#[celeriac::task(time_limit = "30 parsecs")]
async fn no_time() {}

#[celeriac::task(retry(max = 3, backoff = "2m..1s"))]
async fn backwards() {}

fn main() {}
