//! Options that do not exist, or have the wrong value.

#[celeriac::task(qeue = "mail")]
async fn unknown() {}

#[celeriac::task(priority = 10)]
async fn too_urgent() {}

#[celeriac::task(queue = "a", queue = "b")]
async fn twice() {}

#[celeriac::task(queue = 7)]
async fn mistyped() {}

#[celeriac::task(time_limit = "soon")]
async fn no_duration() {}

#[celeriac::task(time_limit = 30)]
async fn no_unit() {}

#[celeriac::task(soft_time_limit = "30s", time_limit = "20s")]
async fn ended_before_asked() {}

#[celeriac::task(retry = true)]
async fn retry_as_a_switch() {}

#[celeriac::task(retry(times = 3))]
async fn unknown_in_retry() {}

#[celeriac::task(retry(backoff = "2m..1s"))]
async fn backoff_the_wrong_way_round() {}

#[celeriac::task(ignore_result = 1, concurrency = 0)]
async fn two_mistakes() {}

fn main() {}
