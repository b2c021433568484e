//! Looks a key up in the sources that may hold it, strongest first, and keeps track of whose value
//! won.

use super::error::{Allowed, ConfigError, Counted, Problem};
use super::keys::{self, About, Key, Section, dotted};
use super::origin::{Origin, Origins};
use super::report::Report;
use super::source::Source;
use std::ops::Range;
use toml::de::DeTable;

/// A parsed source.
pub(super) struct Layer<'a> {
    pub(super) source: &'a Source,
    pub(super) root: DeTable<'a>,
}

/// Whose word a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    /// The policy's, and final.
    Locked,
    /// The user's.
    File,
    /// The policy's, where the user says nothing.
    Preset,
}

/// A table of one source.
pub(super) struct Place<'a> {
    pub(super) source: &'a Source,
    pub(super) rank: Rank,
    /// The table's path in that source, such as `tunnel[0]`.
    pub(super) path: String,
    pub(super) table: &'a DeTable<'a>,
    /// Its header, to point at when something is missing in it.
    pub(super) header: Range<usize>,
}

/// One table of the configuration, as all sources together have it.
pub(super) struct Scope<'a> {
    /// Its path in the result.
    pub(super) path: String,
    /// Where it is written, strongest first; empty for a built-in one.
    pub(super) places: Vec<Place<'a>>,
}

impl<'a> Place<'a> {
    /// The top of a source, which is the user's until a policy says otherwise.
    pub(super) fn top(layer: &'a Layer<'a>) -> Self {
        Self {
            source: layer.source,
            rank: Rank::File,
            path: String::new(),
            table: &layer.root,
            header: 0..0,
        }
    }

    fn inside(&self, path: String, table: &'a DeTable<'a>, header: Range<usize>) -> Self {
        Self {
            source: self.source,
            rank: self.rank,
            path,
            table,
            header,
        }
    }
}

impl<'a> Scope<'a> {
    /// The user's word on it, if any.
    pub(super) fn file(&self) -> Option<&Place<'a>> {
        self.places.iter().find(|place| place.rank == Rank::File)
    }

    /// The policy's word on it, the final one first.
    pub(super) fn policy(&self) -> impl Iterator<Item = &Place<'a>> {
        self.places.iter().filter(|place| place.rank != Rank::File)
    }

    /// Adds a place of a policy where its rank puts it.
    pub(super) fn overlay(&mut self, place: Place<'a>) {
        match place.rank {
            Rank::Locked => self.places.insert(0, place),
            Rank::File | Rank::Preset => self.places.push(place),
        }
    }
}

/// A value, and where it was found.
pub(super) struct Found<'a, T> {
    pub(super) value: T,
    /// `None` for a built-in one.
    pub(super) at: Option<At<'a>>,
}

/// A place in a source.
pub(super) struct At<'a> {
    pub(super) source: &'a Source,
    pub(super) key: String,
    pub(super) span: Range<usize>,
}

impl At<'_> {
    pub(super) fn line(&self) -> Option<usize> {
        self.source.position(&self.span).map(|at| at.line)
    }
}

/// Reads, and gathers what is wrong.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) errors: Vec<ConfigError>,
    pub(super) origins: Origins,
    /// How many forwards there are so far.
    forwards: usize,
    /// There were too many, which is told once.
    too_many_forwards: bool,
}

enum Lookup<'a, T> {
    Found(Found<'a, T>),
    Wrong,
    Absent,
}

impl Reader {
    /// The key's value, else `fallback`, else its default; `None` after an error was reported.
    pub(super) fn value<'a, T>(
        &mut self,
        scope: &Scope<'a>,
        key: &Key<T>,
        fallback: Option<T>,
    ) -> Option<Found<'a, T>> {
        match self.look_up(scope, key) {
            Lookup::Found(found) => Some(found),
            Lookup::Wrong => None,
            Lookup::Absent => match fallback.or_else(|| key.default()) {
                Some(value) => Some(Found { value, at: None }),
                None => {
                    self.report_missing(scope, &key.about);
                    None
                }
            },
        }
    }

    /// The key's value, if one is given and right.
    pub(super) fn given<'a, T>(&mut self, scope: &Scope<'a>, key: &Key<T>) -> Option<Found<'a, T>> {
        match self.look_up(scope, key) {
            Lookup::Found(found) => Some(found),
            Lookup::Wrong | Lookup::Absent => None,
        }
    }

    /// The tables of a list in this place; `None` when the list is not there.
    pub(super) fn tables<'a>(&mut self, place: &Place<'a>, key: &About) -> Option<Vec<Place<'a>>> {
        let node = place.table.get(key.name)?;
        let path = dotted(&place.path, key.name);
        let (what, room, told) = if key.allowed == Allowed::Forwards {
            let room = self.room_for_forwards();
            (Counted::Forwards, room, self.too_many_forwards)
        } else {
            (Counted::Tunnels, Counted::Tunnels.limit(), false)
        };
        let mut top = Report::on(place.source, &mut self.errors);
        let mut report = top.inside(path.clone(), Some(key.allowed));
        let Some(items) = node.get_ref().as_array() else {
            report.wrong_type(node);
            return Some(Vec::new());
        };
        if items.is_empty() && key.allowed == Allowed::Tunnels {
            report.add(node.span(), Problem::Empty);
        }
        // A list that is too long is not looked into: what else is wrong there matters less.
        if let Some(first) = items.get(room) {
            if !told {
                let limit = what.limit();
                report.add(first.span(), Problem::TooMany { what, limit });
            }
            self.too_many_forwards |= what == Counted::Forwards;
            return Some(Vec::new());
        }
        let mut tables = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match item.get_ref().as_table() {
                Some(table) => {
                    let path = format!("{path}[{index}]");
                    tables.push(place.inside(path, table, item.span()));
                }
                None => report.wrong_type(item),
            }
        }
        Some(tables)
    }

    /// How many forwards there may still be.
    fn room_for_forwards(&self) -> usize {
        Counted::Forwards.limit().saturating_sub(self.forwards)
    }

    /// Counts the forwards of a tunnel, which the sources together have. Tells whether there is room
    /// for all of them.
    pub(super) fn count_forwards(&mut self, forwards: &[&Scope<'_>]) -> bool {
        let first_too_many = forwards.get(self.room_for_forwards());
        let Some(scope) = first_too_many else {
            self.forwards += forwards.len();
            return true;
        };
        if let Some(place) = scope.places.first().filter(|_| !self.too_many_forwards) {
            let what = Counted::Forwards;
            let limit = what.limit();
            let mut top = Report::on(place.source, &mut self.errors);
            top.inside(place.path.clone(), Some(Allowed::Forwards))
                .add(place.header.clone(), Problem::TooMany { what, limit });
        }
        self.too_many_forwards = true;
        false
    }

    /// The one table of that name in this place.
    pub(super) fn table<'a>(&mut self, place: &Place<'a>, name: &str) -> Option<Place<'a>> {
        let node = place.table.get(name)?;
        let path = dotted(&place.path, name);
        let table = node.get_ref().as_table();
        if table.is_none() {
            let mut top = Report::on(place.source, &mut self.errors);
            top.inside(path.clone(), Some(Allowed::Table))
                .wrong_type(node);
        }
        table.map(|table| place.inside(path, table, node.span()))
    }

    /// Reports the keys that the table should not have.
    pub(super) fn check_keys(&mut self, scope: &Scope<'_>, section: Section) {
        for place in &scope.places {
            let mut top = Report::on(place.source, &mut self.errors);
            let mut report = top.inside(place.path.clone(), None);
            keys::report_unknown(place.table, section, &mut report);
        }
    }

    /// Reports a problem between values that are right by themselves. It stands where the value is
    /// that came last.
    pub(super) fn conflict(&mut self, at: &At<'_>, problem: Problem) {
        let mut top = Report::on(at.source, &mut self.errors);
        top.inside(at.key.clone(), None)
            .add(at.span.clone(), problem);
    }

    fn look_up<'a, T>(&mut self, scope: &Scope<'a>, key: &Key<T>) -> Lookup<'a, T> {
        let mut strongest = Lookup::Absent;
        // The weaker ones are read as well: a mistake is told even where it has no effect.
        for place in &scope.places {
            let Some(node) = place.table.get(key.about.name) else {
                continue;
            };
            let source = place.source;
            let mut top = Report::on(source, &mut self.errors);
            let value = key.read(node, &mut top.inside(place.path.clone(), None));
            if !matches!(strongest, Lookup::Absent) {
                continue;
            }
            let Some(value) = value else {
                strongest = Lookup::Wrong;
                continue;
            };
            let at = At {
                source,
                key: dotted(&place.path, key.about.name),
                span: node.span(),
            };
            let origin = match place.rank {
                Rank::Locked => Origin::Policy { locked: true },
                Rank::File => Origin::File {
                    line: at.line().unwrap_or_default(),
                },
                Rank::Preset => Origin::Policy { locked: false },
            };
            self.origins
                .insert(dotted(&scope.path, key.about.name), origin);
            strongest = Lookup::Found(Found {
                value,
                at: Some(at),
            });
        }
        strongest
    }

    /// The key must be in that table, and is not.
    pub(super) fn report_missing(&mut self, scope: &Scope<'_>, key: &About) {
        let Some(place) = scope.file().or(scope.places.first()) else {
            return;
        };
        let mut top = Report::on(place.source, &mut self.errors);
        top.inside(dotted(&place.path, key.name), Some(key.allowed))
            .add(place.header.clone(), Problem::Missing);
    }
}
