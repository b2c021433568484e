//! The lab: real peers on loopback, and the real `passerelle` in front of them.
//!
//! Tests that use it are modules of `tests/system/`, one program: it compiles once, its tests run
//! side by side, and a helper that nobody uses is a compiler warning.
//!
//! Every process that the lab starts is killed with what it started when its value is dropped, or
//! when the thread that started it dies: start a process in the thread of the test that needs it.

mod account;
mod backend;
mod browser;
mod bus;
mod config;
mod corner;
mod dead;
mod engine;
mod erlang;
mod grafana;
mod hanging;
mod hop;
mod http;
mod keyring;
mod keys;
pub(crate) mod network;
mod panel;
mod passerelle;
pub(crate) mod process;
pub(crate) mod program;
mod prometheus;
mod proxy;
mod rogue;
mod scene;
mod scratch;
mod screen;
mod server;
mod slow;
mod sshd;
mod stranger;
mod wait;
mod zoo;

pub(crate) use account::Account;
pub(crate) use backend::{Backend, Pattern};
pub(crate) use browser::{Browser, ENTER};
pub(crate) use bus::Bus;
pub(crate) use config::{Config, Forward, Tunnel};
pub(crate) use corner::Corner;
pub(crate) use dead::DeadDisk;
pub(crate) use engine::EngineThread;
pub(crate) use erlang::Erlang;
pub(crate) use grafana::Grafana;
pub(crate) use hanging::Hanging;
pub(crate) use hop::Hop;
pub(crate) use http::{answers, begin_download, get, gets_nothing, visit};
pub(crate) use keyring::Keyring;
pub(crate) use keys::{Agent, CertificateAuthority, Key};
pub(crate) use panel::{Icon, Panel};
pub(crate) use passerelle::{Home, Passerelle, moment};
pub(crate) use process::{
    Process, descriptors, memory_mib, own_memory_mib, raise_descriptor_limit, tool,
};
pub(crate) use prometheus::Prometheus;
pub(crate) use proxy::{Mishap, Proxy};
pub(crate) use rogue::Rogue;
pub(crate) use scene::Scene;
pub(crate) use scratch::{Scratch, free_port};
pub(crate) use screen::Screen;
pub(crate) use server::SshServer;
pub(crate) use slow::{Slow, lasts};
pub(crate) use sshd::Sshd;
pub(crate) use stranger::Stranger;
pub(crate) use wait::{wait_for, wait_until};
pub(crate) use zoo::{Make, Rekey, ZooServer};
