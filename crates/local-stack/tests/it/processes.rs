//! Child processes: a clean environment, real signals, no processes or files left behind.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use local_stack::{WorkerProcess, wait_until};
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

const LIMIT: Duration = Duration::from_secs(20);

fn script(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("worker");
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

async fn output_has(worker: &WorkerProcess, text: &str) {
    let seen = wait_until(LIMIT, text, async || Ok(worker.output()?.contains(text).then_some(())));
    seen.await.unwrap();
}

#[tokio::test]
async fn a_worker_sees_only_its_own_settings() {
    let folder = tempfile::tempdir().unwrap();
    let program = script(folder.path(), "echo \"$TREE/$HOME/$CARGO_MANIFEST_DIR\"; exit 7");
    let env = [("TREE".to_owned(), "hazel".to_owned())];
    let mut worker = WorkerProcess::spawn(&program, &env, &folder.path().join("log")).unwrap();
    assert_eq!(worker.wait(LIMIT).await.unwrap().code(), Some(7));
    assert_eq!(worker.output().unwrap(), "hazel//\n");
}

#[tokio::test]
async fn a_worker_can_finish_after_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        "trap 'echo finished; exit 0' TERM; echo ready; while :; do read -r _ < /dev/zero & wait $!; done";
    let text = text.replace("read -r _ < /dev/zero & wait $!", "sleep 60 & wait $!");
    let mut worker =
        WorkerProcess::spawn(&script(folder.path(), &text), &[], &folder.path().join("log")).unwrap();
    output_has(&worker, "ready").await;
    worker.terminate().unwrap();
    assert_eq!(worker.wait(LIMIT).await.unwrap().code(), Some(0));
    assert!(worker.output().unwrap().contains("finished"));
}

#[tokio::test]
async fn a_killed_worker_has_ended_and_a_dropped_one_too() {
    let folder = tempfile::tempdir().unwrap();
    let program = script(folder.path(), "echo ready; exec sleep 600");
    let log = folder.path().join("log");
    let mut killed = WorkerProcess::spawn(&program, &[], &log).unwrap();
    killed.kill().unwrap();
    assert_eq!(killed.wait(LIMIT).await.unwrap().signal(), Some(9));

    let dropped = WorkerProcess::spawn(&program, &[], &log).unwrap();
    let pid = Pid::from_raw(dropped.pid().cast_signed());
    assert_eq!(kill(pid, None), Ok(()));
    drop(dropped);
    assert_eq!(kill(pid, None), Err(Errno::ESRCH));
}

/// The thread that starts a worker may end long before the worker.
#[tokio::test]
async fn a_worker_outlives_the_thread_that_started_it() {
    let folder = tempfile::tempdir().unwrap();
    let program = script(folder.path(), "echo ready; exec sleep 600");
    let log = folder.path().join("log");
    let worker = std::thread::spawn(move || WorkerProcess::spawn(&program, &[], &log).unwrap()).join();
    let mut worker = worker.unwrap();
    output_has(&worker, "ready").await;
    assert_eq!(worker.status().unwrap(), None);
}
