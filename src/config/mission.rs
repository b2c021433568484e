//! What Passerelle does when nobody has configured anything: one server, Grafana and Prometheus.

use crate::model::{
    AuthMethod, ForwardId, ForwardSettings, HealthCheck, Hold, LocalBind, RemoteTarget, Settings,
    TunnelId, TunnelSettings,
};
use crate::paths::expand_home;
use std::sync::Arc;

/// The configuration of a machine that has no configuration file and no policy.
#[must_use]
pub fn default_settings() -> Settings {
    Settings {
        language: None,
        start_at_logon: true,
        notifications: true,
        tunnels: vec![Arc::new(tunnel())],
    }
}

/// The tunnel to the production server.
pub(super) fn tunnel() -> TunnelSettings {
    let id = TunnelId::new("Production");
    let forwards = vec![
        Arc::new(ForwardSettings {
            id: ForwardId::new(&id, "Grafana"),
            local: LocalBind::Port(3000),
            remote: on_server(3000),
            health: HealthCheck::Grafana,
            hold: Hold::usual(&HealthCheck::Grafana),
            open: Some("/".to_owned()),
            primary: true,
        }),
        Arc::new(ForwardSettings {
            id: ForwardId::new(&id, "Prometheus"),
            local: LocalBind::Port(9090),
            remote: on_server(9090),
            health: HealthCheck::Prometheus,
            hold: Hold::usual(&HealthCheck::Prometheus),
            open: Some("/".to_owned()),
            primary: false,
        }),
    ];
    TunnelSettings {
        id,
        host: "serveurproduction".to_owned(),
        port: 722,
        user: "maintenance".to_owned(),
        autostart: true,
        auth: vec![AuthMethod::Agent, AuthMethod::Key, AuthMethod::Password],
        identity: ["id_ed25519", "id_ecdsa", "id_rsa"]
            .map(|name| expand_home(&format!("~/.ssh/{name}")))
            .into(),
        host_key: Vec::new(),
        forwards,
    }
}

fn on_server(port: u16) -> RemoteTarget {
    RemoteTarget {
        host: "localhost".to_owned(),
        port,
    }
}
