//! Who the server runs as. PostgreSQL refuses root, so root lends it an unprivileged user.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::{About, Error, Result};

const SETPRIV: &str = "setpriv";
/// The bit of CAP_DAC_READ_SEARCH in the masks of /proc/self/status.
const DAC_READ_SEARCH: u32 = 2;

/// Users that a machine may have for this purpose, the best first.
const LENDERS: [&str; 2] = ["postgres", "nobody"];

#[derive(Debug, Clone)]
pub(super) enum Identity {
    /// We are an ordinary user: the server runs as ourselves.
    Ourselves,
    Lent {
        user: User,
        reach: Reach,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    name: String,
    uid: u32,
    gid: u32,
}

/// Whether the lent user gets to the server's files by their permissions alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Permitted,
    /// The checkout lies below a private folder, as in root's home. The server keeps one capability,
    /// to enter and read any folder; it still writes only what is its own.
    Capability,
}

impl Identity {
    /// The identity for the server of `bin_dir` on the cluster in `home`.
    pub(super) fn for_server(bin_dir: &Path, home: &Path) -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Ourselves);
        }
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let user = User::owning(&home.join("data"))
            .or_else(|| LENDERS.iter().find_map(|name| User::named(name, &accounts)))
            .ok_or(Error::NoIdentity)?;
        let closed = [bin_dir, home].iter().find_map(|folder| user.stopped_at(folder));
        let reach = match closed {
            None => Reach::Permitted,
            Some(_) if can_lend_capability() => Reach::Capability,
            Some(dir) => return Err(Error::Unreachable { dir, user: user.name }),
        };
        Ok(Self::Lent { user, reach })
    }

    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = match self {
            Self::Ourselves => Command::new(program),
            Self::Lent { user, reach: Reach::Permitted } => {
                let mut command = Command::new(program);
                command.uid(user.uid).gid(user.gid);
                command
            }
            Self::Lent { user, reach: Reach::Capability } => {
                let mut command = Command::new(SETPRIV);
                // access(2), with which PostgreSQL looks at its executables, heeds a capability of an
                // ordinary user only when the kernel is told not to tie capabilities to user 0.
                command
                    .arg("--securebits=+no_setuid_fixup")
                    .arg(format!("--reuid={}", user.uid))
                    .arg(format!("--regid={}", user.gid))
                    .args(["--clear-groups", "--inh-caps=+dac_read_search"])
                    .args(["--ambient-caps=+dac_read_search"])
                    .arg(program);
                command
            }
        };
        // The server's user may not enter our working directory, and messages must not depend on our locale.
        command.current_dir("/").env("LC_ALL", "C");
        command
    }

    /// Hands a file or folder to the server's user.
    pub(super) fn give(&self, path: &Path) -> Result<()> {
        match self {
            Self::Ourselves => Ok(()),
            Self::Lent { user, .. } => {
                chown(path, Some(user.uid), Some(user.gid)).about("hand over", path)
            }
        }
    }
}

impl User {
    /// The user that an existing cluster belongs to: a later installation may have brought a better
    /// one, but PostgreSQL starts for the owner only.
    fn owning(data: &Path) -> Option<Self> {
        let about = fs::metadata(data).ok().filter(|about| about.uid() != 0)?;
        Some(Self { name: format!("number {}", about.uid()), uid: about.uid(), gid: about.gid() })
    }

    fn named(name: &str, accounts: &str) -> Option<Self> {
        let mut fields = accounts
            .lines()
            .map(|line| line.split(':'))
            .find_map(|mut fields| (fields.next() == Some(name)).then_some(fields))?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Self { name: name.to_owned(), uid, gid })
    }

    /// The first folder on the way to `folder` that this user may not enter.
    fn stopped_at(&self, folder: &Path) -> Option<PathBuf> {
        let mut way: Vec<_> = folder.ancestors().collect();
        way.reverse();
        way.into_iter().find(|step| !self.may_enter(step)).map(Path::to_path_buf)
    }

    fn may_enter(&self, folder: &Path) -> bool {
        let Ok(about) = fs::metadata(folder) else { return true }; // not there yet: it will be ours
        let shift = if about.uid() == self.uid {
            6
        } else if about.gid() == self.gid {
            3
        } else {
            0
        };
        about.mode() >> shift & 1 == 1
    }
}

/// Containers often take the capability away, and not every machine has setpriv.
fn can_lend_capability() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        u64::from_str_radix(line.trim(), 16).ok()
    };
    let held = |name| mask(name).is_some_and(|mask| mask >> DAC_READ_SEARCH & 1 == 1);
    let quiet =
        Command::new(SETPRIV).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    held("CapBnd:") && held("CapPrm:") && quiet.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNTS: &str = "root:x:0:0:root:/root:/bin/sh\n\
        postgresql:x:9:9::/:/bin/sh\n\
        postgres:x:101:104:PostgreSQL:/var/lib/postgresql:/bin/bash\n";

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let user = User::named("postgres", ACCOUNTS).unwrap();
        assert_eq!((user.uid, user.gid), (101, 104));
        assert_eq!(User::named("nobody", ACCOUNTS), None);
    }

    #[test]
    fn the_first_closed_folder_on_the_way_is_named() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("checkout");
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let stranger = User { name: "stranger".to_owned(), uid: 4_000_000, gid: 4_000_000 };
        assert_eq!(stranger.stopped_at(&inner).as_deref(), Some(dir.path()));
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(stranger.stopped_at(&inner), None);
    }
}
