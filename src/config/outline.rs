//! Which tunnels and forwards there are, and where each of them is written.
//!
//! A list in the user's file replaces the built-in one. A policy replaces no list: its `tunnel` is
//! about the first tunnel, and its `tunnel.forward.NAME` about that tunnel's forward of the name. A
//! forward that only the policy knows is added when nothing of the user's is against it.

use super::keys::{self, dotted};
use super::reader::{Place, Rank, Reader, Scope};
use crate::model::ForwardSettings;
use std::collections::HashMap;
use std::sync::Arc;

/// A forward, before its values are read.
pub(super) struct ForwardOutline<'a> {
    pub(super) scope: Scope<'a>,
    /// What it is called where its own table does not say.
    pub(super) name: Option<String>,
    /// What it is where nobody says otherwise.
    pub(super) mission: Option<Arc<ForwardSettings>>,
}

/// The tunnels. There is always a first one.
pub(super) fn tunnels<'a>(reader: &mut Reader, root: &Scope<'a>) -> Vec<Scope<'a>> {
    let written = root
        .file()
        .and_then(|place| reader.tables(place, &keys::TUNNELS))
        .unwrap_or_default();
    let mut tunnels: Vec<_> = written.into_iter().map(|place| vec![place]).collect();
    if tunnels.is_empty() {
        tunnels.push(Vec::new());
    }
    let mut tunnels: Vec<_> = tunnels
        .into_iter()
        .enumerate()
        .map(|(index, places)| Scope {
            path: format!("{}[{index}]", keys::TUNNELS.name),
            places,
        })
        .collect();
    for place in root.policy() {
        let policy = reader.table(place, keys::TUNNELS.name);
        if let (Some(first), Some(policy)) = (tunnels.first_mut(), policy) {
            first.overlay(policy);
        }
    }
    tunnels
}

/// The forwards of a tunnel; `None` when it has neither written nor built-in ones.
pub(super) fn forwards<'a>(
    reader: &mut Reader,
    tunnel: &Scope<'a>,
    mission: Option<Vec<Arc<ForwardSettings>>>,
) -> Option<Vec<ForwardOutline<'a>>> {
    let written = tunnel
        .file()
        .and_then(|place| reader.tables(place, &keys::FORWARDS));
    let has_own_list = written.is_some();
    let mut forwards: Vec<_> = match (written, mission) {
        (Some(places), _) => places.into_iter().map(written_forward).collect(),
        (None, Some(mission)) => mission.into_iter().map(built_in_forward).collect(),
        (None, None) => return None,
    };
    let known = forwards.len();
    let mut by_name = HashMap::new();
    for (index, forward) in forwards.iter().enumerate() {
        if let Some(name) = &forward.name {
            by_name.entry(name.to_lowercase()).or_insert(index);
        }
    }
    for place in tunnel.policy() {
        let Some(list) = reader.table(place, keys::FORWARDS.name) else {
            continue;
        };
        for name in list.table.keys() {
            let Some(policy) = reader.table(&list, name.get_ref()) else {
                continue;
            };
            let end = forwards.len();
            let index = *by_name.entry(name.get_ref().to_lowercase()).or_insert(end);
            match forwards.get_mut(index) {
                Some(forward) => forward.scope.overlay(policy),
                None => forwards.push(ForwardOutline {
                    name: Some(name.get_ref().to_string()),
                    ..written_forward(policy)
                }),
            }
        }
    }
    let mut index = 0;
    forwards.retain(|forward| {
        index += 1;
        index <= known || !has_own_list || forward.is_imposed()
    });
    let scopes: Vec<_> = forwards.iter().map(|forward| &forward.scope).collect();
    if !reader.count_forwards(&scopes) {
        forwards.clear();
    }
    let list = dotted(&tunnel.path, keys::FORWARDS.name);
    for (index, forward) in forwards.iter_mut().enumerate() {
        forward.scope.path = format!("{list}[{index}]");
    }
    Some(forwards)
}

fn written_forward(place: Place<'_>) -> ForwardOutline<'_> {
    let name = place.table.get(keys::FORWARD_NAME.about.name);
    ForwardOutline {
        name: name.and_then(|name| name.get_ref().as_str().map(str::to_owned)),
        scope: Scope {
            path: String::new(),
            places: vec![place],
        },
        mission: None,
    }
}

fn built_in_forward<'a>(mission: Arc<ForwardSettings>) -> ForwardOutline<'a> {
    ForwardOutline {
        scope: Scope {
            path: String::new(),
            places: Vec::new(),
        },
        name: Some(mission.id.name.to_string()),
        mission: Some(mission),
    }
}

impl ForwardOutline<'_> {
    /// Whether the policy alone says with force what there is to forward. What it says less about
    /// is meant for a forward that this user does not have.
    fn is_imposed(&self) -> bool {
        let places = &self.scope.places;
        let says = |name| places.iter().any(|place| place.table.contains_key(name));
        places.iter().any(|place| place.rank == Rank::Locked)
            && says(keys::LOCAL.about.name)
            && says(keys::REMOTE.about.name)
    }
}
