//! The local socket between the verbs and the running program: a Unix socket in the private state
//! directory. The directory keeps other users out; the peer's user is checked all the same.

use crate::paths::Paths;
use crate::platform::IpcStream;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

/// The running program's end: takes connections of this user.
#[derive(Debug)]
pub struct IpcListener {
    listener: UnixListener,
    path: PathBuf,
}

impl IpcListener {
    /// Listens, in the place of whatever an earlier run left. The caller holds the state directory's
    /// lock, so that run is over.
    ///
    /// # Errors
    /// When the socket cannot be made in the state directory.
    pub fn bind(paths: &Paths) -> io::Result<Self> {
        let path = paths.socket();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&ShortPath::of(&path)?.path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// The next connection of this user; those of others are closed unheard.
    ///
    /// # Errors
    /// As `accept` has them, such as a lack of file descriptors.
    pub async fn accept(&mut self) -> io::Result<IpcStream> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            match same_user(&stream) {
                Ok(()) => return Ok(Box::new(stream)),
                Err(error) => tracing::warn!(%error, "refused a connection"),
            }
        }
    }
}

impl Drop for IpcListener {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, "the socket stays behind");
        }
    }
}

/// Connects to the program that runs on these paths.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] or [`io::ErrorKind::ConnectionRefused`] when none does;
/// [`io::ErrorKind::PermissionDenied`] when it is another user's.
pub async fn ipc_connect(paths: &Paths) -> io::Result<IpcStream> {
    let socket = ShortPath::of(&paths.socket())?;
    let stream = UnixStream::connect(&socket.path).await?;
    same_user(&stream)?;
    Ok(Box::new(stream))
}

/// A path of a file that fits into a socket address (108 bytes, unix(7)), however deep its
/// directory lies.
struct ShortPath {
    path: PathBuf,
    /// What the path goes through must stay open while it is used.
    _directory: Option<File>,
}

impl ShortPath {
    fn of(path: &Path) -> io::Result<Self> {
        const SUN_PATH: usize = 108;
        if path.as_os_str().len() < SUN_PATH {
            return Ok(Self {
                path: path.to_path_buf(),
                _directory: None,
            });
        }
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let directory = File::open(directory)?;
        let through = format!("/proc/self/fd/{}", directory.as_raw_fd());
        Ok(Self {
            path: Path::new(&through).join(name),
            _directory: Some(directory),
        })
    }
}

fn same_user(stream: &UnixStream) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    if peer == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("the other end belongs to user {peer}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::create_private_dir;
    use std::os::unix::fs::MetadataExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn paths(root: &Path) -> Paths {
        create_private_dir(root).unwrap();
        Paths {
            config_file: root.join("config.toml"),
            state_dir: root.to_path_buf(),
            user_known_hosts: None,
        }
    }

    async fn one_byte_each_way(paths: &Paths) {
        let mut listener = IpcListener::bind(paths).unwrap();
        assert_eq!(paths.socket().metadata().unwrap().mode() & 0o777, 0o600);
        let mut client = ipc_connect(paths).await.unwrap();
        let mut server = listener.accept().await.unwrap();
        client.write_all(b"?").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'?');
        server.write_all(b"!").await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), b'!');
    }

    #[tokio::test]
    async fn the_verbs_reach_the_program() {
        let root = tempfile::tempdir().unwrap();
        one_byte_each_way(&paths(root.path())).await;
        assert!(!paths(root.path()).socket().exists());
    }

    #[tokio::test]
    async fn a_state_directory_may_lie_deep() {
        let root = tempfile::tempdir().unwrap();
        one_byte_each_way(&paths(&root.path().join("d".repeat(200)))).await;
    }

    #[tokio::test]
    async fn what_an_earlier_run_left_is_replaced() {
        let root = tempfile::tempdir().unwrap();
        let paths = paths(root.path());
        drop(std::os::unix::net::UnixListener::bind(paths.socket()).unwrap());
        let refused = ipc_connect(&paths).await.err().unwrap();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        one_byte_each_way(&paths).await;
    }

    #[tokio::test]
    async fn nobody_there_is_told() {
        let root = tempfile::tempdir().unwrap();
        let missing = ipc_connect(&paths(root.path())).await.err().unwrap();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
