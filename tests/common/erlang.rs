//! The SSH daemon of Erlang/OTP. It connects to a target within the process that serves the session, so
//! that one target which never answers its SYN stops the whole session.

use super::process::{Process, tool};
use super::proxy::Proxy;
use super::scratch::{Scratch, free_port};
use super::sshd::Sshd;
use super::wait::wait_until;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

/// A running daemon.
pub(crate) struct Erlang {
    _process: Process,
    _dir: Scratch,
    way: Proxy,
}

impl Erlang {
    /// One with the host key and the authorized keys of this sshd. It lets in any user who holds one.
    pub(crate) fn like(sshd: &Sshd) -> Self {
        let (dir, port) = (Scratch::new(), free_port());
        fs::copy(sshd.host_key().path(), dir.join("ssh_host_ed25519_key")).expect("it is a file");
        let keys = sshd.path("authorized_keys");
        std::os::unix::fs::symlink(keys, dir.join("authorized_keys")).expect("it is not there yet");
        let path = dir.path().display();
        let start = format!(
            "{{ok, _}} = application:ensure_all_started(ssh), \
             {{ok, _}} = ssh:daemon({{127,0,0,1}}, {port}, [{{system_dir, \"{path}\"}}, \
             {{user_dir, \"{path}\"}}, {{auth_methods, \"publickey\"}}, {{tcpip_tunnel_in, true}}]), \
             ok = file:write_file(\"{path}/ready\", \"\")."
        );
        let log = fs::File::create(dir.join("log")).expect("a log can be made");
        let errors = log.try_clone().expect("it is ours");
        let mut command = Process::command(tool("erl", "erlang-ssh"));
        command.args(["-noshell", "-noinput", "-eval", &start]);
        command.env("HOME", dir.path()).stdin(Stdio::null());
        command.stdout(log).stderr(errors);
        let mut process = Process::start("Erlang's daemon", &mut command);
        wait_until("Erlang's daemon listens", Duration::from_secs(60), || {
            let log = || fs::read_to_string(dir.join("log")).unwrap_or_default();
            assert!(process.ended().is_none(), "it ended:\n{}", log());
            dir.join("ready").exists()
        });
        Self {
            _process: process,
            _dir: dir,
            way: Proxy::to(port),
        }
    }

    /// The port by which it is reached.
    pub(crate) fn port(&self) -> u16 {
        self.way.port()
    }

    /// How many connections it has taken so far.
    pub(crate) fn connections(&self) -> u64 {
        self.way.taken()
    }
}
