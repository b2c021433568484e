//! What all SSH servers of the lab have in common, whoever made them.

use super::keys::Key;

/// An SSH server on a port of 127.0.0.1.
pub(crate) trait SshServer {
    /// Its port.
    fn port(&self) -> u16;

    /// The account to log in as.
    fn user(&self) -> &str;

    /// The key that it proves to hold.
    fn host_key(&self) -> &Key;

    /// Lets in who holds this key.
    fn authorize(&self, key: &Key);

    /// Kills it, and every session with it.
    fn stop(&mut self);

    /// How many connections to it are open now where the process of this number runs.
    fn sessions_from(&self, pid: u32) -> usize;
}
