//! Runs something as a pod would: in the image's file system, which is read-only, as the image's user, without any
//! privilege.
//!
//! In: a folder, a command. Out: what it said. By `unshare` of util-linux: it needs no root and no container engine, only
//! that the kernel lets users make namespaces. The network stays that of the machine, where the local stack is.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, bail};

/// Outer: may mount. Inner: the image's user, who may do nothing. The devices are of those that every container has:
/// <https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#default-devices>.
const CONFINE: &str = r#"
root=$1; user=$2; group=$3; shift 3
mount --bind "$root" "$root"
mkdir -p "$root/dev"
for device in null random urandom; do : > "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"; done
mount -o remount,bind,ro "$root"
exec unshare --user --map-user="$user" --map-group="$group" --root="$root" --wd=/ -- "$@"
"#;

/// The command's end and output. It sees this environment and no other.
///
/// # Errors
/// When it cannot be confined.
pub(super) fn run(
    root: &Path,
    user: &str,
    environment: &[(String, String)],
    command: &[&str],
) -> anyhow::Result<Output> {
    let (user, group) = user.split_once(':').context("user and group")?;
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount", "--", "/bin/sh", "-ec", CONFINE, "sh"]);
    unshare.args([root.as_os_str(), OsStr::new(user), OsStr::new(group)]).args(command);
    // What confines is looked up here, before the image's own PATH counts.
    unshare.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    unshare.envs(environment.iter().filter(|(name, _)| name != "PATH").map(|(name, value)| (name, value)));
    let output = unshare.stdin(Stdio::null()).output();
    output.context("cannot run unshare: try `apt-get install util-linux`")
}

/// Whether this machine lets anyone be confined.
///
/// # Errors
/// A sentence on what to change.
pub(super) fn is_possible() -> anyhow::Result<()> {
    let tried = Command::new("unshare").args(["--user", "--map-root-user", "--mount", "true"]).output();
    let tried = tried.context("cannot run unshare: try `apt-get install util-linux`")?;
    if !tried.status.success() {
        bail!(
            "the kernel does not let this user make namespaces (sysctl kernel.unprivileged_userns_clone, \
             kernel.apparmor_restrict_unprivileged_userns, user.max_user_namespaces): {}",
            String::from_utf8_lossy(&tried.stderr).trim()
        );
    }
    Ok(())
}
