//! Runs a command as a pod does: in the image's file system, which is read-only, as the image's user, without any privilege. It
//! uses `unshare` of util-linux, which needs no root and no container engine; the kernel must allow users to create namespaces.
//! The command uses the machine's network, where the local stack is.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, bail};

// The outer namespace may mount. The inner one has the image's user without privileges. Every container has these devices:
// <https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#default-devices>.
const CONFINE: &str = r#"
root=$1; user=$2; group=$3; shift 3
mount --bind "$root" "$root"
mkdir -p "$root/dev"
for device in null random urandom; do : > "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"; done
mount -o remount,bind,ro "$root"
exec unshare --user --map-user="$user" --map-group="$group" --root="$root" --wd=/ -- "$@"
"#;

/// Runs the command with exactly this environment, and returns its status and output.
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
    // The tools are found here, before the image's own PATH applies.
    unshare.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    unshare.envs(environment.iter().filter(|(name, _)| name != "PATH").map(|(name, value)| (name, value)));
    let output = unshare.stdin(Stdio::null()).output();
    output.context("cannot run unshare: try `apt-get install util-linux`")
}

/// Checks that this machine allows such namespaces.
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
