//! The menu as a value: made of a snapshot, compared, and drawn by `tray` where it differs. Pure.

use super::status::{Times, fault, session_lives, short, state};
use crate::i18n::{self, tray as words};
use crate::model::{
    Command, ForwardView, Language, Phase, QuestionId, Snapshot, Target, TunnelId, TunnelView,
};
use crate::platform::Autostart;
use crate::ui_messages::Wish;

/// What the menu depends on besides the snapshot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings {
    /// The user's language.
    pub(super) language: Language,
    /// How moments are told.
    pub(super) times: Times,
    /// Whether Passerelle starts at log-on.
    pub(super) autostart: Autostart,
    /// There is a log, a configuration and a start at log-on.
    pub(super) has_files: bool,
}

/// A line of the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// Text. Without a choice it cannot be chosen: it tells something.
    Entry {
        /// The text.
        label: String,
        /// What choosing it means.
        choice: Option<Choice>,
    },
    /// Text with a check mark.
    Check {
        /// The text.
        label: String,
        /// Whether it is checked.
        checked: bool,
        /// What choosing it means; `None`: it cannot be changed.
        choice: Option<Choice>,
    },
    /// A menu of its own.
    Submenu {
        /// The tunnel that it is about.
        tunnel: TunnelId,
        /// Its text.
        label: String,
        /// Its lines.
        items: Vec<Item>,
    },
    /// A line between groups.
    Separator,
}

/// What choosing an item means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    /// Something for the program to do.
    Wish(Wish),
    /// Answer that question.
    Answer(QuestionId),
    /// Read what is wrong with that tunnel, and what to do about it.
    Explain(TunnelId),
    /// Read what is wrong with the configuration.
    ExplainSettings,
    /// Put this address on the clipboard.
    Copy(String),
    /// Read how the whole way fares.
    Diagnose,
    /// Tell what Passerelle is, and its version.
    About,
}

impl Choice {
    /// What is the same for this choice, and for no other: by it an item is known, while the menu
    /// changes around it.
    #[must_use]
    pub(super) fn id(&self) -> String {
        // Rust's own notation of the value: it quotes what stands in it.
        format!("{self:?}")
    }
}

/// What the item of that id means; `None` when the menu has none any more: then there is nothing left
/// to do it to.
#[must_use]
pub(super) fn chosen<'m>(menu: &'m [Item], id: &str) -> Option<&'m Choice> {
    menu.iter().find_map(|item| match item {
        Item::Entry { choice, .. } | Item::Check { choice, .. } => {
            choice.as_ref().filter(|choice| choice.id() == id)
        }
        Item::Submenu { items, .. } => chosen(items, id),
        Item::Separator => None,
    })
}

/// The menu for what is true: questions on top, then the tunnels, then Passerelle itself.
#[must_use]
pub(super) fn menu(snapshot: &Snapshot, with: &Surroundings) -> Vec<Item> {
    let l = with.language;
    let tunnels = match snapshot.tunnels.as_slice() {
        [only] => tunnel(only, with),
        several => several.iter().map(|view| submenu(view, with)).collect(),
    };
    in_groups([questions(snapshot, l), tunnels, itself(with), quit(l)])
}

/// What asks for the user.
fn questions(snapshot: &Snapshot, l: Language) -> Vec<Item> {
    let refused = (!snapshot.settings_errors.is_empty()).then(|| Item::Entry {
        label: words::settings_refused(l),
        choice: Some(Choice::ExplainSettings),
    });
    let asked = snapshot
        .tunnels
        .iter()
        .filter_map(|view| attention(l, view));
    asked.chain(refused).collect()
}

/// What the tunnel wants of the user.
fn attention(l: Language, view: &TunnelView) -> Option<Item> {
    if let Some(question) = &view.question {
        return Some(Item::Entry {
            label: words::answer(l, &question.kind),
            choice: Some(Choice::Answer(question.id)),
        });
    }
    let fault = view
        .fault
        .as_ref()
        .filter(|_| view.phase == Phase::Blocked)?;
    Some(Item::Entry {
        label: short(&words::needs_you(l, &i18n::fault(l, fault).message)),
        choice: Some(Choice::Explain(view.id().clone())),
    })
}

fn submenu(view: &TunnelView, with: &Surroundings) -> Item {
    let l = with.language;
    Item::Submenu {
        tunnel: view.id().clone(),
        label: words::about(l, view.id().as_str(), &state(l, view, &with.times)),
        items: tunnel(view, with),
    }
}

fn tunnel(view: &TunnelView, with: &Surroundings) -> Vec<Item> {
    let l = with.language;
    let mut services: Vec<Item> = openable(view)
        .map(|forward| open(l, view, forward))
        .collect();
    services.extend(view.forwards.iter().filter_map(|forward| {
        let silent = forward.settings.open.is_some() || !session_lives(view);
        let trouble = words::trouble(l, forward).filter(|_| !silent);
        trouble.map(|label| told(short(&label)))
    }));

    let status = words::about(l, view.id().as_str(), &state(l, view, &with.times));
    let mut itself = vec![told(status)];
    itself.extend(fault(l, view).map(told));
    itself.extend(switches(l, view));
    itself.extend(copy_address(l, view));
    in_groups([services, itself])
}

/// The forwards with something to open, the one that a click opens first.
fn openable(view: &TunnelView) -> impl Iterator<Item = &ForwardView> {
    let primary = view.primary();
    let others = view.forwards.iter().filter(move |forward| {
        let is_primary = primary.is_some_and(|primary| primary.id() == forward.id());
        forward.settings.open.is_some() && !is_primary
    });
    primary.into_iter().chain(others)
}

fn open(l: Language, view: &TunnelView, forward: &ForwardView) -> Item {
    let trouble = words::trouble(l, forward).filter(|_| session_lives(view));
    let label = trouble.unwrap_or_else(|| words::open(l, &forward.id().name));
    wish(short(&label), Wish::Open(forward.id().clone()))
}

fn switches(l: Language, view: &TunnelView) -> [Item; 2] {
    let id = || Some(view.id().clone());
    let reconnect = Choice::Wish(Wish::Command(Command::Restart(id())));
    let switch = match view.target {
        Target::Up => wish(words::disconnect(l), Wish::Command(Command::Down(id()))),
        Target::Down => wish(words::connect(l), Wish::Command(Command::Up(id()))),
    };
    let reconnect = Item::Entry {
        label: words::reconnect(l),
        choice: (view.target == Target::Up).then_some(reconnect),
    };
    [switch, reconnect]
}

fn copy_address(l: Language, view: &TunnelView) -> Option<Item> {
    let addresses: Vec<String> = openable(view)
        .filter_map(|forward| forward.settings.url())
        .collect();
    match addresses.as_slice() {
        [] => None,
        [only] => Some(copy(words::copy_address(l), only)),
        several => Some(Item::Submenu {
            tunnel: view.id().clone(),
            label: words::copy_address(l),
            items: several.iter().map(|url| copy(url.clone(), url)).collect(),
        }),
    }
}

fn itself(with: &Surroundings) -> Vec<Item> {
    let l = with.language;
    let (checked, may_change) = match with.autostart {
        Autostart::On => (true, true),
        Autostart::Off => (false, true),
        Autostart::Fixed(on) => (on, false),
    };
    let change = Choice::Wish(Wish::SetAutostart(!checked));
    let about = Item::Entry {
        label: words::about_passerelle(l),
        choice: Some(Choice::About),
    };
    let diagnosis = Item::Entry {
        label: words::diagnosis(l),
        choice: Some(Choice::Diagnose),
    };
    if !with.has_files {
        return vec![diagnosis, about];
    }
    vec![
        wish(words::open_log(l), Wish::OpenLog),
        wish(words::edit_configuration(l), Wish::EditConfiguration),
        diagnosis,
        Item::Check {
            label: words::start_at_logon(l),
            checked,
            choice: may_change.then_some(change),
        },
        about,
    ]
}

fn quit(l: Language) -> Vec<Item> {
    vec![wish(words::quit(l), Wish::Command(Command::Quit))]
}

fn told(label: String) -> Item {
    Item::Entry {
        label,
        choice: None,
    }
}

fn wish(label: String, wish: Wish) -> Item {
    Item::Entry {
        label,
        choice: Some(Choice::Wish(wish)),
    }
}

fn copy(label: String, url: &str) -> Item {
    Item::Entry {
        label,
        choice: Some(Choice::Copy(url.to_owned())),
    }
}

/// The groups that hold something, with a line between them.
fn in_groups<const N: usize>(groups: [Vec<Item>; N]) -> Vec<Item> {
    let mut items = Vec::new();
    for group in groups.into_iter().filter(|group| !group.is_empty()) {
        if !items.is_empty() {
            items.push(Item::Separator);
        }
        items.extend(group);
    }
    items
}

#[cfg(test)]
mod tests;
