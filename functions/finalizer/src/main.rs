//! From receipts to a published dataset, on Lambda.
//!
//! Configuration → ports → serve; all else is in `lambda_host`.

use std::process::ExitCode;

use lambda_host::{Configuration, Function, Handler, Host};

/// One thread for what waits for the network: below 1,769 MB a function has less than one processor, and there is one
/// message at a time. Encoding has a thread of its own beside it.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lambda_host::log::start(environment);
    match handler().await {
        Ok(handler) => lambda_host::serve(handler).await,
        Err(error) => lambda_host::cannot_start(&format!("{error:#}"), environment),
    }
}

/// Everything that lives as long as the process. No network is asked here.
async fn handler() -> anyhow::Result<impl Handler> {
    let configuration = Configuration::read(Function::Finalizer, environment)?;
    let host = Host::open(&configuration).await?;
    Ok(host.finalizer())
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
