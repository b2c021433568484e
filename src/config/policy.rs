//! The machine's policy: what its administrator says over and under the user's file.
//!
//! ```toml
//! [preset]                          # the user's file may say otherwise
//! language = "fr"
//!
//! [locked.tunnel]                   # it may not; `tunnel` is the first tunnel
//! host = "serveurproduction"
//! host_key = ["SHA256:…"]
//!
//! [locked.tunnel.forward.Grafana]   # that tunnel's forward of this name
//! local = 3001
//! ```
//!
//! Every key can stand in either table. In a registry, tables are keys and keys are values:
//! `Locked\Tunnel` has a value `host`, `Locked\Tunnel\Forward\Grafana` a value `local`. A number may
//! be written as text there, a list as one text with `;` between the items, and a text without
//! content counts as not there.
//!
//! A policy that cannot be read is an error: what it locks is not to be had by breaking it.

use super::error::{Allowed, ConfigError, ConfigErrors, Problem};
use super::keys::{self, Section, keys_of};
use super::reader::{Layer, Place, Rank, Reader, Scope};
use super::report::Report;
use super::source::Source;
use crate::platform::{PolicyKey, PolicySource, PolicyValue};
use std::path::PathBuf;
use toml::{Table, Value};

/// Reads the policy; `None` when there is none.
pub(super) fn read(policy: &PolicySource) -> Result<Option<Source>, ConfigErrors> {
    match policy {
        PolicySource::File(path) => Source::read(path),
        PolicySource::Registry { name, root } => match root {
            Ok(root) => Ok(Some(Source::made(
                PathBuf::from(name),
                toml_of(root, &[]).to_string(),
            ))),
            Err(error) => Err(ConfigErrors(vec![ConfigError {
                file: PathBuf::from(name),
                position: None,
                key: String::new(),
                problem: Problem::Unreadable {
                    detail: error.to_string(),
                },
                allowed: None,
            }])),
        },
    }
}

/// Adds what the policy says to the top of the configuration.
pub(super) fn overlay<'a>(policy: &'a Layer<'a>, root: &mut Scope<'a>, reader: &mut Reader) {
    let top = Place::top(policy);
    keys::report_unknown(
        top.table,
        Section::Policy,
        &mut Report::on(policy.source, &mut reader.errors),
    );
    for (rank, half) in [(Rank::Locked, &keys::LOCKED), (Rank::Preset, &keys::PRESET)] {
        if let Some(place) = reader.table(&top, half.name) {
            root.overlay(Place { rank, ..place });
        }
    }
}

/// The registry's key as a TOML table. `path` is where it stands, from `locked` or `preset` on.
fn toml_of(key: &PolicyKey, path: &[&str]) -> Table {
    let section = match path {
        [] => Some(Section::Policy),
        [_] => Some(Section::Root),
        [_, "tunnel"] => Some(Section::Tunnel),
        [_, "tunnel", "forward", _] => Some(Section::Forward),
        [_, "tunnel", "forward", _, "health"] => Some(Section::Health),
        _ => None,
    };
    let mut table = Table::new();
    for (name, value) in &key.values {
        let name = name.to_lowercase();
        let about = section.and_then(|section| keys_of(section).find(|key| key.name == name));
        if let Some(value) = value_of(value, about.map(|key| key.allowed)) {
            table.insert(name, value);
        }
    }
    for (name, below) in &key.keys {
        // A registry does not tell cases apart. What a forward is called is also what is shown.
        let name = match path {
            [_, "tunnel", "forward"] => name.clone(),
            _ => name.to_lowercase(),
        };
        let below = toml_of(below, &[path, &[&name]].concat());
        table.insert(name, Value::Table(below));
    }
    table
}

/// `None` for what counts as not there.
fn value_of(value: &PolicyValue, allowed: Option<Allowed>) -> Option<Value> {
    match value {
        PolicyValue::Text(text) if text.trim().is_empty() => None,
        PolicyValue::Text(text) => Some(match shape_of(allowed) {
            Shape::List => list_of(text.split(';')),
            Shape::Scalar => scalar_of(text.trim()),
            Shape::Text => Value::from(text.as_str()),
        }),
        PolicyValue::Lines(lines) if lines.iter().all(|line| line.trim().is_empty()) => None,
        PolicyValue::Lines(lines) => Some(list_of(lines.iter().map(String::as_str))),
        PolicyValue::Number(number @ (0 | 1)) if allowed == Some(Allowed::Flag) => {
            Some(Value::from(*number == 1))
        }
        PolicyValue::Number(number) => Some(Value::from(i64::from(*number))),
        // No key takes a table in this place, so it is told as an error.
        PolicyValue::Other => Some(Value::Table(Table::new())),
    }
}

/// How a text of the registry is to be read.
enum Shape {
    Text,
    Scalar,
    List,
}

fn shape_of(allowed: Option<Allowed>) -> Shape {
    match allowed {
        Some(Allowed::Flag | Allowed::Port | Allowed::LocalBind) => Shape::Scalar,
        Some(Allowed::Words(_) | Allowed::Files | Allowed::Fingerprints | Allowed::StatusCodes) => {
            Shape::List
        }
        Some(
            Allowed::Word(_)
            | Allowed::Name
            | Allowed::Host
            | Allowed::User
            | Allowed::RemoteTarget
            | Allowed::HealthCheck(_)
            | Allowed::ShortTime
            | Allowed::UrlPath
            | Allowed::Tunnels
            | Allowed::Forwards
            | Allowed::Table
            | Allowed::Keys(_),
        )
        | None => Shape::Text,
    }
}

fn list_of<'t>(items: impl Iterator<Item = &'t str>) -> Value {
    let items = items.map(str::trim).filter(|item| !item.is_empty());
    Value::Array(items.map(scalar_of).collect())
}

fn scalar_of(text: &str) -> Value {
    let number = text
        .parse::<u32>()
        .map(|number| Value::from(i64::from(number)));
    let flag = || text.parse::<bool>().map(Value::from);
    number
        .or_else(|_| flag())
        .unwrap_or_else(|_| Value::from(text))
}
