//! A disk that is gone: a network home, as it is when nobody answers for it any more.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A directory whose file system answers nothing at all, until it is dropped. Whoever asks hangs.
///
/// It is a FUSE file system that nobody serves. It needs root.
pub(crate) struct DeadDisk {
    path: PathBuf,
    // Whoever hangs is let go, with an error, when it is closed.
    _device: File,
}

impl DeadDisk {
    /// Mounts one on that directory.
    pub(crate) fn on(path: &Path) -> Self {
        let device = File::options().read(true).write(true).open("/dev/fuse");
        let device = device.expect("the kernel has FUSE");
        let mounted = Command::new("mount")
            .args(["-i", "-t", "fuse", "dead"])
            .arg(path)
            .args(["-o", "fd=0,rootmode=40000,user_id=0,group_id=0"])
            .stdin(Stdio::from(device.try_clone().expect("a descriptor")))
            .status();
        assert!(mounted.expect("mount runs").success());
        Self {
            path: path.to_owned(),
            _device: device,
        }
    }
}

impl Drop for DeadDisk {
    fn drop(&mut self) {
        // Lazily: whoever hangs in it still holds it.
        let unmounted = Command::new("umount").arg("-l").arg(&self.path).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} stays mounted", self.path.display());
        }
    }
}
