//! Where Passerelle's files are.
//!
//! Two roots: the configuration file, which the user writes, and the state directory, which holds
//! everything that Passerelle writes. Another state directory makes an independent Passerelle.

use directories::BaseDirs;
use std::io;
use std::path::{Path, PathBuf};

/// The files of one Passerelle. Every path is absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The user's configuration. It may be missing.
    pub config_file: PathBuf,
    /// The directory of everything that Passerelle writes.
    pub state_dir: PathBuf,
    /// OpenSSH's own record of known hosts: read, never written.
    pub user_known_hosts: Option<PathBuf>,
}

/// Why the paths cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum PathsError {
    /// The system names no home directory to find the defaults in.
    #[error("no home directory: set HOME, or give --config and --state-dir")]
    NoHome,
    /// A relative path cannot be made absolute.
    #[error("{path}: {source}", path = path.display())]
    NotAbsolute {
        /// The path as given.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Paths {
    /// The paths as the command line gives them, else as the system's conventions have them: XDG on
    /// Linux, the known folders on Windows.
    ///
    /// # Errors
    /// When a default is needed and there is no home directory, or when a relative path is given and
    /// there is no current directory.
    pub fn find(
        config_file: Option<PathBuf>,
        state_dir: Option<PathBuf>,
    ) -> Result<Self, PathsError> {
        let base = BaseDirs::new();
        let or_default = |given: Option<PathBuf>, default: fn(&BaseDirs) -> PathBuf| match given {
            Some(path) => absolute(path),
            None => base.as_ref().map(default).ok_or(PathsError::NoHome),
        };
        Ok(Self {
            config_file: or_default(config_file, default_config_file)?,
            state_dir: or_default(state_dir, default_state_dir)?,
            user_known_hosts: home().map(|home| home.join(".ssh").join("known_hosts")),
        })
    }

    /// The host keys that the user accepted in Passerelle.
    #[must_use]
    pub fn known_hosts(&self) -> PathBuf {
        self.state_dir.join("known_hosts")
    }

    /// The accounts whose stored password was refused.
    #[must_use]
    pub fn refused(&self) -> PathBuf {
        self.state_dir.join("refused")
    }

    /// The file whose lock makes a running Passerelle the only one on its state directory.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.state_dir.join("lock")
    }

    /// The current log; older ones have `.1`, `.2`… behind their name.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.state_dir.join("passerelle.log")
    }

    /// The directory of data that waits for a slow local program.
    #[must_use]
    pub fn spool(&self) -> PathBuf {
        self.state_dir.join("spool")
    }

    /// The mark that an upgrade ended the running program, so that it is started again.
    #[must_use]
    pub fn upgraded(&self) -> PathBuf {
        self.state_dir.join("upgraded")
    }

    /// The socket by which the verbs reach a running Passerelle, where sockets are files.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.state_dir.join("ipc.sock")
    }
}

/// The user's home directory.
#[must_use]
pub fn home() -> Option<PathBuf> {
    BaseDirs::new().map(|base| base.home_dir().to_path_buf())
}

/// The path, with a leading `~/` (on Windows also `~\`) replaced by the home directory. Anything
/// else stays as it is: `~other/` belongs to shells.
#[must_use]
pub fn expand_home(path: &str) -> PathBuf {
    let Some(rest) = path.strip_prefix('~') else {
        return PathBuf::from(path);
    };
    let below_home = rest.is_empty() || rest.starts_with(std::path::is_separator);
    match home() {
        Some(home) if below_home => home.join(rest.trim_start_matches(std::path::is_separator)),
        Some(_) | None => PathBuf::from(path),
    }
}

fn default_config_file(base: &BaseDirs) -> PathBuf {
    base.config_dir().join(DIRECTORY).join("config.toml")
}

fn default_state_dir(base: &BaseDirs) -> PathBuf {
    // Windows has no directory for state; what stays on the machine is next to it.
    let root: &Path = base.state_dir().unwrap_or_else(|| base.data_local_dir());
    root.join(DIRECTORY)
}

const DIRECTORY: &str = if cfg!(windows) {
    "Passerelle"
} else {
    "passerelle"
};

fn absolute(path: PathBuf) -> Result<PathBuf, PathsError> {
    std::path::absolute(&path).map_err(|source| PathsError::NotAbsolute { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_directory_moves_everything_that_is_written() {
        let root = std::env::temp_dir().join("elsewhere");
        let paths = Paths::find(Some("config.toml".into()), Some(root.clone())).unwrap();
        for written in [
            paths.known_hosts(),
            paths.lock(),
            paths.log(),
            paths.spool(),
            paths.upgraded(),
            paths.refused(),
            paths.socket(),
        ] {
            assert_eq!(written.parent(), Some(root.as_path()));
        }
        assert!(paths.config_file.is_absolute());
    }

    #[test]
    fn only_the_own_home_is_expanded() {
        let home = home().unwrap();
        assert_eq!(expand_home("~/.ssh/id"), home.join(".ssh").join("id"));
        assert_eq!(expand_home("~"), home);
        assert_eq!(expand_home("~other/id"), PathBuf::from("~other/id"));
        assert_eq!(expand_home("/etc/id"), PathBuf::from("/etc/id"));
        assert_eq!(expand_home("a~/id"), PathBuf::from("a~/id"));
    }
}
