//! Child processes that cannot outlive this one. In: a command. Out: a [`ChildGuard`] that ends it on drop. Must not know: what
//! the child does.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};
use std::{fs, io, process, thread};

use anyhow::Context as _;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;

const DROP_LIMIT: Duration = Duration::from_secs(5);

/// A command for `program`, which receives `signal` when this process dies. Its environment has only `PATH`.
pub(crate) fn command_that_dies_with_us(program: &Path, signal: Signal) -> Command {
    // On Linux, `setpriv` (util-linux) also arms the kernel's parent-death signal, which needs no `unsafe` here. Without
    // `setpriv`, only drop ends the child.
    let mut command = match setpriv() {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            let name = signal.as_str().trim_start_matches("SIG");
            command.args([
                OsStr::new("--pdeathsig"),
                OsStr::new(name),
                OsStr::new("--"),
                program.as_os_str(),
            ]);
            command
        }
        None => Command::new(program),
    };
    command.env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

fn setpriv() -> Option<&'static Path> {
    static SETPRIV: OnceLock<Option<PathBuf>> = OnceLock::new();
    SETPRIV
        .get_or_init(|| {
            let found = std::env::split_paths(&std::env::var_os("PATH")?)
                .map(|folder| folder.join("setpriv"))
                .find(|candidate| candidate.is_file())?;
            // Only a `setpriv` that knows `--pdeathsig` is of use.
            let mut probe = Command::new(&found);
            probe.args(["--pdeathsig", "KILL", "--", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
            probe.status().is_ok_and(|status| status.success()).then_some(found)
        })
        .as_deref()
}

type SpawnJob = (Command, mpsc::Sender<io::Result<Child>>);

fn spawn_from_a_permanent_thread(command: Command) -> anyhow::Result<Child> {
    // The kernel sends the parent-death signal when the *thread* that started the child ends. Threads of a test or of a runtime
    // may end earlier than the process, so one thread that never ends starts all children.
    static SPAWNER: OnceLock<Mutex<mpsc::Sender<SpawnJob>>> = OnceLock::new();
    let jobs = SPAWNER.get_or_init(|| {
        let (jobs, inbox) = mpsc::channel::<SpawnJob>();
        thread::spawn(move || {
            for (mut command, reply) in inbox {
                // If the caller has gone, the handle is dropped, which ends the child.
                let _ = reply.send(command.spawn());
            }
        });
        Mutex::new(jobs)
    });
    let (reply, answer) = mpsc::channel();
    jobs.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .send((command, reply))
        .context("the spawner has ended")?;
    answer.recv().context("the spawner has ended")?.context("cannot start the process")
}

#[derive(Debug)]
pub(crate) struct ChildGuard {
    child: Child,
    // Sent by drop. Some programs leave processes or files behind after `SIGKILL`.
    farewell: Signal,
}

impl ChildGuard {
    pub(crate) fn spawn(mut command: Command, farewell: Signal) -> anyhow::Result<Self> {
        // Its own process group: a terminal's Ctrl-C reaches this process only, which then ends the child.
        command.process_group(0).stdin(Stdio::null());
        let program = command.get_program().to_owned();
        let child = spawn_from_a_permanent_thread(command)
            .with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Self { child, farewell })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn try_wait(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.child.try_wait().context("cannot ask for the child's status")
    }

    pub(crate) fn signal(&mut self, signal: Signal) -> anyhow::Result<()> {
        // A child that has ended already is no error.
        if self.try_wait()?.is_none() {
            kill(self.as_pid(), signal).with_context(|| format!("cannot send {signal}"))?;
        }
        Ok(())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "runs in drop, which cannot await; 5 s at most, as a rule 10 ms"
    )]
    pub(crate) fn end(&mut self, signal: Signal) {
        if self.signal(signal).is_ok() {
            let asked = Instant::now();
            while asked.elapsed() < DROP_LIMIT {
                match self.child.try_wait() {
                    Ok(None) => thread::sleep(Duration::from_millis(2)),
                    Ok(Some(_)) | Err(_) => break,
                }
            }
        }
        if matches!(self.child.try_wait(), Ok(None)) {
            // The process ID can belong to another process as soon as the child was waited for.
            let _ = killpg(self.as_pid(), Signal::SIGKILL);
            let _ = self.child.wait();
        }
    }

    fn as_pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }
}

impl Drop for ChildGuard {
    fn drop(&mut self) {
        self.end(self.farewell);
    }
}

pub(crate) fn private_folder(purpose: &str) -> anyhow::Result<TempDir> {
    // A killed run cannot remove its folder. So the name has the process ID, and every run removes those of ended processes.
    remove_leftovers();
    let folder = TempDir::with_prefix(format!("{FOLDER_PREFIX}{}-{purpose}-", process::id()));
    folder.context("cannot make a temporary folder")
}

const FOLDER_PREFIX: &str = "coppice-local-";

fn remove_leftovers() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(FOLDER_PREFIX)) else { continue };
        let Some(pid) = rest.split('-').next().and_then(|pid| pid.parse().ok()) else { continue };
        if kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH) {
            // Best effort: another run may do the same, and another user's folders are not ours to remove.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
