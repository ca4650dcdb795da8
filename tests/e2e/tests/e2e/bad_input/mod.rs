//! Bad input of every kind: a clear error, the documented exit code, and nothing half-published.

mod case;
mod request;
mod source;
mod target;

use case::Cases;

/// All of it in one table, which `make test` prints.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_of_every_kind() {
    let mut cases = Cases::start().await;
    source::cases(&mut cases).await;
    request::cases(&mut cases).await;
    target::cases(&mut cases).await;
    cases.finish();
}
