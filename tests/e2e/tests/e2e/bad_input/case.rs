//! What is true of every case.

use dap_server::{Server, prism};
use e2e::{Finished, Invocation, Machine, Objects, Table};

use crate::setup::CHUNKS;

/// Stands for every secret that the tests hand to the command.
pub(super) const SECRET: &str = "hunter2hunter2";

/// The table, its faults, and a server that behaves.
pub(super) struct Cases {
    table: Table,
    wrong: Vec<String>,
    pub(super) server: Server,
}

impl Cases {
    pub(super) async fn start() -> Self {
        let server = Server::start([prism::window(24, 64, 96)]).await.unwrap();
        Self { table: Table::new(&["case", "exit", "what the command says"]), wrong: Vec::new(), server }
    }

    /// Converts `url` with the options, to a folder that does not exist.
    pub(super) async fn convert(&mut self, name: &str, url: &str, options: &str, exit: i32, says: &[&str]) {
        let machine = Machine::new();
        let command = machine.command(format!("convert {url} {} {options}", machine.path("out.zarr").display()));
        self.run(name, &machine, command, exit, says).await;
    }

    /// Converts `prism` of the server that behaves, with the options.
    pub(super) async fn convert_prism(&mut self, name: &str, options: &str, exit: i32, says: &[&str]) {
        let url = self.server.url("prism");
        self.convert(name, &url, options, exit, says).await;
    }

    /// The same to another target than a new folder, with `{CHUNKS}`.
    pub(super) fn to(&self, machine: &Machine, target: &str, options: &str) -> Invocation {
        machine.command(format!("convert {} {target} {CHUNKS} {options}", self.server.url("prism")))
    }

    /// Runs the command, which must fail and leave no dataset in `out.zarr`.
    pub(super) async fn run(
        &mut self,
        name: &str,
        machine: &Machine,
        command: Invocation,
        exit: i32,
        says: &[&str],
    ) -> Finished {
        let finished = command.run().await;
        self.check(name, &finished, &finished.message(), exit, says);
        if Objects::of(&machine.path("out.zarr")).is_published() {
            self.wrong.push(format!("{name}: a dataset is published"));
        }
        finished
    }

    /// Checks how a command ended and what it said, and adds it to the table.
    pub(super) fn check(&mut self, name: &str, finished: &Finished, message: &str, exit: i32, says: &[&str]) {
        let mut wrong = |what: String| self.wrong.push(format!("{name}: {what}\n{}", finished.output()));
        if finished.code != Some(exit) {
            wrong(format!("the exit code is {:?}, expected {exit}", finished.code));
        }
        for text in says.iter().filter(|text| !message.contains(**text)) {
            wrong(format!("`{message}` does not say `{text}`"));
        }
        let output = finished.output();
        for bad in [SECRET, "panicked", "RUST_BACKTRACE", "Some(", "Err("] {
            if output.contains(bad) {
                wrong(format!("`{bad}` is in the output"));
            }
        }
        let code = finished.code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        self.table.row(&[name, &code, &shown(message, &self.server)]);
    }

    /// A case that this machine cannot make.
    pub(super) fn skip(&mut self, name: &str, why: &str) {
        eprintln!("SKIPPED: {name}: {why}");
        self.table.row(&[name, "-", &format!("SKIPPED: {why}")]);
    }

    /// A case that is wrong in its own way.
    pub(super) fn expect(&mut self, holds: bool, what: &str) {
        if !holds {
            self.wrong.push(what.to_owned());
        }
    }

    pub(super) fn finish(&self) {
        eprintln!("{}", self.table.publish("bad-input"));
        assert!(self.wrong.is_empty(), "{} wrong:\n\n{}", self.wrong.len(), self.wrong.join("\n\n"));
    }
}

/// The message without this machine's folders and ports.
fn shown(message: &str, server: &Server) -> String {
    let message = message.replace(&server.address().to_string(), "SERVER");
    let words = message.split_inclusive(' ').map(|word| match word.find("/tmp/.tmp").or_else(|| word.find("/tmp.")) {
        Some(start) => {
            let path = word.get(start..).unwrap_or_default();
            let rest = path.splitn(4, '/').nth(3).unwrap_or_default();
            format!("{}…/{rest}", word.get(..start).unwrap_or_default())
        }
        None => word.to_owned(),
    });
    words.collect()
}
