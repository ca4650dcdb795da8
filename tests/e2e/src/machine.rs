//! A machine with a user on it who runs the command.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
    task::JoinHandle,
};

/// No command of the tests takes this long; one that does hangs.
const LONGEST: Duration = Duration::from_mins(3);

/// The folder of this build: `target/debug` and the like, which cargo puts the tests' binaries below.
///
/// # Panics
/// If the system does not say which program this is.
pub fn build_folder() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
    folder.unwrap_or_else(|| panic!("{} lies in no folder", test.display())).to_owned()
}

/// A program of this build, unless a variable of the environment names another.
///
/// # Panics
/// If it was not built.
pub fn binary(name: &str, variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).map_or_else(|| build_folder().join(name), PathBuf::from);
    assert!(
        path.is_file(),
        "{} is not there: run `make test`, or `cargo build --workspace` first, or set {variable}",
        path.display()
    );
    path
}

/// A home folder, a folder for the runs' state and room for targets; gone when dropped.
#[derive(Debug)]
pub struct Machine {
    root: TempDir,
    program: PathBuf,
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Machine {
    /// A machine where nothing has happened, with the command of this build (or of `DAP2ZARR_BIN`).
    ///
    /// # Panics
    /// If the command was not built.
    pub fn new() -> Self {
        Self::with(binary("dap2zarr", "DAP2ZARR_BIN"))
    }

    /// The same with another program for the command.
    ///
    /// # Panics
    /// If there is no room for a folder.
    pub fn with(program: PathBuf) -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("home")).unwrap();
        Self { root, program }
    }

    /// A path on this machine that nobody else uses.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The user's home folder.
    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// Where the runs keep their documents.
    pub fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// The command with these arguments, separated by blanks.
    pub fn command(&self, arguments: impl AsRef<str>) -> Invocation {
        let mut command = Command::new(&self.program);
        command
            .args(arguments.as_ref().split_whitespace())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .env("DAP2ZARR_STATE_DIR", self.state())
            .current_dir(self.root.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Invocation { command }
    }
}

/// A command that is about to run.
#[derive(Debug)]
pub struct Invocation {
    command: Command,
}

impl Invocation {
    /// With a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.command.env(name, value.as_ref());
        self
    }

    /// With an argument that may hold blanks.
    #[must_use]
    pub fn argument(mut self, argument: impl AsRef<str>) -> Self {
        self.command.arg(argument.as_ref());
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// If it does not start, or does not end.
    pub async fn run(self) -> Finished {
        self.spawn().finish().await
    }

    /// Starts it.
    ///
    /// # Panics
    /// If it does not start.
    pub fn spawn(mut self) -> Running {
        let mut child = self.command.spawn().unwrap();
        let stdout = read_all(child.stdout.take());
        let stderr = read_all(child.stderr.take());
        Running { child, stdout, stderr, started: Instant::now() }
    }
}

fn read_all(stream: Option<impl AsyncReadExt + Unpin + Send + 'static>) -> JoinHandle<Vec<u8>> {
    tokio::spawn(async move {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            stream.read_to_end(&mut bytes).await.unwrap();
        }
        bytes
    })
}

/// A command that runs; killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: JoinHandle<Vec<u8>>,
    stderr: JoinHandle<Vec<u8>>,
    started: Instant,
}

impl Running {
    /// Sends it a signal: `INT`, `TERM`, `KILL`.
    ///
    /// # Panics
    /// If it has ended already.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().unwrap_or_else(|| panic!("the command has ended before SIG{name}"));
        signal(id, name);
    }

    /// Whether it has not ended.
    ///
    /// # Panics
    /// If the system does not know.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not end.
    pub async fn finish(mut self) -> Finished {
        let status = tokio::time::timeout(LONGEST, self.child.wait()).await;
        let Ok(status) = status else { panic!("the command did not end within {LONGEST:?}") };
        let output =
            Output { status: status.unwrap(), stdout: self.stdout.await.unwrap(), stderr: self.stderr.await.unwrap() };
        Finished {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            elapsed: self.started.elapsed(),
        }
    }
}

/// Sends a process a signal. Through the shell, whose `kill` every system has.
///
/// # Panics
/// If there is no such process.
pub fn signal(process: u32, name: &str) {
    let sent = std::process::Command::new("sh").args(["-c", &format!("kill -{name} {process}")]).status().unwrap();
    assert!(sent.success(), "SIG{name} to {process}");
}

/// A command that has ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it printed as its result.
    pub stdout: String,
    /// What else it said.
    pub stderr: String,
    /// How long it took.
    pub elapsed: Duration,
}

impl Finished {
    /// Passes it on if it succeeded.
    ///
    /// # Panics
    /// If it did not.
    #[must_use]
    #[track_caller]
    pub fn success(self) -> Self {
        assert_eq!(self.code, Some(0), "\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The lines that say why it failed: from `error:` on, without usage and the log.
    pub fn message(&self) -> String {
        let lines = self.stderr.lines().skip_while(|line| !line.starts_with("error:"));
        let lines = lines.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("Usage:"));
        lines.filter(|line| !line.contains("try '--help'")).collect::<Vec<_>>().join("; ")
    }

    /// Everything it printed.
    pub fn output(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl AsRef<Path> for Machine {
    fn as_ref(&self) -> &Path {
        self.root.path()
    }
}
