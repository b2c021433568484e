//! Debian's own Prometheus, on a port of its own.

use super::http::answers;
use super::process::{Process, tool};
use super::scratch::{Scratch, free_port};
use super::wait::wait_until;
use std::process::Stdio;
use std::time::Duration;

/// A running Prometheus that scrapes one target each second.
pub(crate) struct Prometheus {
    process: Option<Process>,
    dir: Scratch,
    port: u16,
}

impl Prometheus {
    /// Starts one that scrapes `/metrics` at this local port, and waits until it is ready.
    pub(crate) fn scraping(target: u16) -> Self {
        let dir = Scratch::new();
        dir.write(
            "prometheus.yml",
            &format!(
                "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
                 scrape_configs:\n\
                 - job_name: backend\n  static_configs: [{{targets: ['127.0.0.1:{target}']}}]\n"
            ),
        );
        let mut prometheus = Self {
            process: None,
            dir,
            port: free_port(),
        };
        prometheus.restart();
        prometheus
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Kills it.
    pub(crate) fn stop(&mut self) {
        self.process = None;
    }

    /// Starts it again on the same port and data, and waits until it is ready.
    pub(crate) fn restart(&mut self) {
        self.stop();
        let log = std::fs::File::create(self.dir.join("log")).expect("a log can be made");
        let mut command = Process::command(tool("prometheus", "prometheus"));
        let dir = self.dir.path().display();
        command
            .arg(format!("--config.file={dir}/prometheus.yml"))
            .arg(format!("--storage.tsdb.path={dir}/data"))
            .arg(format!("--web.listen-address=127.0.0.1:{}", self.port))
            .stdout(Stdio::null())
            .stderr(log);
        self.process = Some(Process::start("prometheus", &mut command));
        wait_until("Prometheus is ready", Duration::from_secs(60), || {
            answers(self.port, "/-/ready")
        });
    }
}
