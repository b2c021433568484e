//! Makes settings out of parsed sources: fills defaults in, and checks what concerns several values.

use super::error::{ConfigError, Problem};
use super::keys::{self, Section};
use super::origin::{Origin, Origins};
use super::outline::{self, ForwardOutline};
use super::reader::{At, Found, Layer, Place, Reader, Scope};
use super::{mission, policy};
use crate::model::{
    ForwardId, ForwardSettings, Hold, LocalBind, Settings, TunnelId, TunnelSettings,
};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::Arc;

/// The settings that the sources amount to, or everything that is wrong with them.
pub(super) fn resolve(
    policy: Option<&Layer<'_>>,
    file: Option<&Layer<'_>>,
) -> Result<(Settings, Origins), Vec<ConfigError>> {
    let mut resolver = Resolver::default();
    let settings = resolver.settings(policy, file);
    let Reader {
        errors, origins, ..
    } = resolver.reader;
    match settings {
        Some(settings) if errors.is_empty() => Ok((settings, origins)),
        Some(_) | None => Err(errors),
    }
}

#[derive(Default)]
struct Resolver {
    reader: Reader,
    listeners: HashMap<SocketAddr, Claim>,
}

/// A key that was read before, and that a later one may not repeat.
#[derive(Clone)]
struct Claim {
    path: String,
    line: Option<usize>,
}

impl Claim {
    fn new(path: &str, at: Option<&At<'_>>) -> Self {
        Self {
            path: path.to_owned(),
            line: at.and_then(At::line),
        }
    }
}

/// The names of one list, compared without regard to case: people do, and so does a registry.
#[derive(Default)]
struct Names(HashMap<String, Claim>);

impl Resolver {
    fn settings(
        &mut self,
        policy: Option<&Layer<'_>>,
        file: Option<&Layer<'_>>,
    ) -> Option<Settings> {
        let mut root = Scope {
            path: String::new(),
            places: file.map(Place::top).into_iter().collect(),
        };
        if let Some(policy) = policy {
            policy::overlay(policy, &mut root, &mut self.reader);
        }
        self.reader.check_keys(&root, Section::Root);
        let language = self.reader.value(&root, &keys::LANGUAGE, None);
        let start_at_logon = self.reader.value(&root, &keys::START_AT_LOGON, None);
        let notifications = self.reader.value(&root, &keys::NOTIFICATIONS, None);

        let mut names = Names::default();
        let mut tunnels = Vec::new();
        let scopes = outline::tunnels(&mut self.reader, &root);
        for (index, scope) in scopes.iter().enumerate() {
            let mission = (index == 0).then(mission::tunnel);
            tunnels.push(self.tunnel(scope, mission, &mut names));
        }
        let mut tunnels = tunnels.into_iter().collect::<Option<Vec<_>>>()?;
        self.spread_locked_pins(&mut tunnels);
        Some(Settings {
            language: language?.value,
            start_at_logon: start_at_logon?.value,
            notifications: notifications?.value,
            tunnels: tunnels.into_iter().map(Arc::new).collect(),
        })
    }

    /// Pins that the policy locks are the server's, by whatever tunnel one goes there.
    fn spread_locked_pins(&mut self, tunnels: &mut [TunnelSettings]) {
        let locked = Origin::Policy { locked: true };
        let key = |index| format!("tunnel[{index}].{}", keys::HOST_KEY.about.name);
        let Some((first, others)) = tunnels.split_first_mut() else {
            return;
        };
        if self.reader.origins.of(&key(0)) != locked {
            return;
        }
        for (index, other) in (1..).zip(others) {
            if other.host.eq_ignore_ascii_case(&first.host) && other.port == first.port {
                other.host_key.clone_from(&first.host_key);
                self.reader.origins.insert(key(index), locked);
            }
        }
    }

    /// The first tunnel is the mission's, where nobody says otherwise.
    fn tunnel(
        &mut self,
        scope: &Scope<'_>,
        mission: Option<TunnelSettings>,
        names: &mut Names,
    ) -> Option<TunnelSettings> {
        let reader = &mut self.reader;
        reader.check_keys(scope, Section::Tunnel);
        let name = mission.as_ref().map(|tunnel| tunnel.id.as_str().to_owned());
        let name = reader.value(scope, &keys::TUNNEL_NAME, name);
        names.claim(name.as_ref(), &scope.path, reader);
        let host = mission.as_ref().map(|tunnel| tunnel.host.clone());
        let host = reader.value(scope, &keys::HOST, host);
        let port = reader.value(scope, &keys::PORT, None);
        let user = reader.value(scope, &keys::USER, None);
        let autostart = reader.value(scope, &keys::AUTOSTART, None);
        let auth = reader.value(scope, &keys::AUTH, None);
        let identity = reader.value(scope, &keys::IDENTITY, None);
        let host_key = reader.value(scope, &keys::HOST_KEY, None);

        // A tunnel whose name is wrong is never returned; its forwards are checked all the same.
        let id = TunnelId::new(name.as_ref().map_or("", |name| &name.value));
        let forwards = self.forwards(scope, &id, mission.map(|tunnel| tunnel.forwards));
        name?;
        Some(TunnelSettings {
            id,
            host: host?.value,
            port: port?.value,
            user: user?.value,
            autostart: autostart?.value,
            auth: auth?.value,
            identity: identity?.value,
            host_key: host_key?.value,
            forwards: forwards?,
        })
    }

    fn forwards(
        &mut self,
        tunnel: &Scope<'_>,
        id: &TunnelId,
        mission: Option<Vec<Arc<ForwardSettings>>>,
    ) -> Option<Vec<Arc<ForwardSettings>>> {
        let Some(outlines) = outline::forwards(&mut self.reader, tunnel, mission) else {
            self.reader.report_missing(tunnel, &keys::FORWARDS);
            return None;
        };
        let mut names = Names::default();
        let mut forwards = Vec::new();
        for outline in &outlines {
            forwards.push(self.forward(outline, id, &mut names));
        }
        let primary = self.primary(&outlines, &forwards);
        let forwards: Option<Vec<_>> = forwards.into_iter().collect();
        let mut forwards = forwards?;
        for (index, forward) in forwards.iter_mut().enumerate() {
            forward.primary = primary == Some(index);
        }
        Some(forwards.into_iter().map(Arc::new).collect())
    }

    /// All of a forward but whether it is the primary one: that takes its neighbours.
    fn forward(
        &mut self,
        outline: &ForwardOutline<'_>,
        tunnel: &TunnelId,
        names: &mut Names,
    ) -> Option<ForwardSettings> {
        let reader = &mut self.reader;
        let scope = &outline.scope;
        let mission = outline.mission.as_deref();
        reader.check_keys(scope, Section::Forward);
        let name = reader.value(scope, &keys::FORWARD_NAME, outline.name.clone());
        names.claim(name.as_ref(), &scope.path, reader);
        let local = reader.value(scope, &keys::LOCAL, mission.map(|forward| forward.local));
        let remote = mission.map(|forward| forward.remote.clone());
        let remote = reader.value(scope, &keys::REMOTE, remote);
        let health = mission.map(|forward| forward.health.clone());
        let health = reader.value(scope, &keys::HEALTH, health);
        let open = reader.given(scope, &keys::OPEN).map(|found| found.value);
        let hold = reader.value(scope, &keys::HOLD, None);
        let page = reader.given(scope, &keys::HOLDING_PAGE);
        self.listen(local.as_ref(), &scope.path);
        let health = health?.value;
        let usual = Hold::usual(&health);
        Some(ForwardSettings {
            id: ForwardId::new(tunnel, &name?.value),
            local: local?.value,
            remote: remote?.value,
            hold: Hold {
                time: hold?.value,
                page: page.map_or(usual.page, |found| found.value),
            },
            health,
            open: open.or_else(|| mission?.open.clone()),
            primary: false,
        })
    }

    /// No two forwards can listen on one address.
    fn listen(&mut self, local: Option<&Found<'_, LocalBind>>, path: &str) {
        let Some(local) = local else { return };
        let addresses = local.value.addresses();
        let taken = addresses
            .iter()
            .find_map(|address| self.listeners.get(address));
        if let (Some(first), Some(at)) = (taken, &local.at) {
            let problem = Problem::PortTaken {
                port: local.value.port(),
                by: first.path.clone(),
                line: first.line,
            };
            self.reader.conflict(at, problem);
        }
        let claim = Claim::new(path, local.at.as_ref());
        for address in addresses {
            let claim = || claim.clone();
            self.listeners.entry(address).or_insert_with(claim);
        }
    }

    /// Which forward of the tunnel a click opens: the one that says so, else the first that opens
    /// anything and does not refuse.
    fn primary(
        &mut self,
        outlines: &[ForwardOutline<'_>],
        forwards: &[Option<ForwardSettings>],
    ) -> Option<usize> {
        let mut chosen: Option<(usize, Claim)> = None;
        let mut candidate = None;
        for (index, (outline, forward)) in outlines.iter().zip(forwards).enumerate() {
            let scope = &outline.scope;
            let opens = forward.as_ref().map(|forward| forward.open.is_some());
            let said = self.reader.given(scope, &keys::PRIMARY);
            let Some(Found { value: true, at }) = said else {
                if said.is_none() && opens == Some(true) {
                    candidate = candidate.or(Some(index));
                }
                continue;
            };
            if let (Some(at), Some((_, first))) = (&at, &chosen) {
                let problem = Problem::SecondPrimary {
                    first: first.path.clone(),
                    line: first.line,
                };
                self.reader.conflict(at, problem);
            } else if let (Some(at), Some(false)) = (&at, opens) {
                self.reader.conflict(at, Problem::PrimaryOpensNothing);
            }
            chosen = chosen.or_else(|| Some((index, Claim::new(&scope.path, at.as_ref()))));
        }
        chosen.map(|(index, _)| index).or(candidate)
    }
}

impl Names {
    fn claim(&mut self, name: Option<&Found<'_, String>>, path: &str, reader: &mut Reader) {
        let Some(name) = name else { return };
        let first = match self.0.entry(name.value.to_lowercase()) {
            Entry::Occupied(first) => first,
            Entry::Vacant(free) => {
                free.insert(Claim::new(path, name.at.as_ref()));
                return;
            }
        };
        if let Some(at) = &name.at {
            let problem = Problem::NameTaken {
                name: name.value.clone(),
                by: first.get().path.clone(),
                line: first.get().line,
            };
            reader.conflict(at, problem);
        }
    }
}
