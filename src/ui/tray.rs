//! The icon and its menu, drawn with tray-icon: only what differs from what is shown is touched, so
//! that a menu stays open, and where it is, while the state changes behind it.

use super::icon::Look;
use super::menu::{Choice, Item};
use crate::platform;
use tray_icon::menu::{CheckMenuItem, IsMenuItem, Menu, MenuId, MenuItem};
use tray_icon::menu::{PredefinedMenuItem, Submenu};
use tray_icon::{BadIcon, Icon, TrayIcon, TrayIconBuilder};

/// What is to be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    pub(super) look: Look,
    /// Which of the look's drawings.
    pub(super) frame: usize,
    pub(super) tooltip: String,
    pub(super) menu: Vec<Item>,
}

/// The icon in the taskbar. It vanishes when this is dropped.
pub(super) struct Tray {
    icon: TrayIcon,
    menu: Menu,
    nodes: Vec<Node>,
    shown: View,
}

/// An item of the menu as the system has it.
enum Node {
    Entry(MenuItem),
    Check(CheckMenuItem),
    Submenu(Submenu, Vec<Node>),
    Separator(PredefinedMenuItem),
}

impl Tray {
    /// Puts the icon into the taskbar; where there is none yet, it comes with it.
    ///
    /// # Errors
    /// When the system has nothing of the kind: on Linux, without a session bus.
    pub(super) fn new(view: View) -> tray_icon::Result<Self> {
        let menu = Menu::new();
        let mut nodes = Vec::new();
        reconcile(&menu, &mut nodes, &[], &view.menu);
        let icon = TrayIconBuilder::new()
            .with_id("passerelle")
            .with_title("Passerelle")
            .with_menu(Box::new(menu.clone()))
            .with_tooltip(platform::tooltip_text(&view.tooltip))
            .with_icon(drawing(&view)?)
            .build()?;
        // The tooltip is set again with the next view: only a change tells whether the taskbar took the
        // icon, for which it may be too busy while a session starts.
        let shown = View {
            tooltip: String::new(),
            ..view
        };
        Ok(Self {
            icon,
            menu,
            nodes,
            shown,
        })
    }

    /// Shows it from now on. Tells whether the system took it all; if not, it is to be shown again.
    pub(super) fn show(&mut self, view: View) -> bool {
        let mut taken = true;
        if (view.look, view.frame) != (self.shown.look, self.shown.frame) {
            let set = drawing(&view).and_then(|icon| self.icon.set_icon(Some(icon)));
            if let Err(error) = set {
                tracing::debug!(%error, "the icon stays as it was");
                taken = false;
            } else {
                (self.shown.look, self.shown.frame) = (view.look, view.frame);
            }
        }
        if view.tooltip != self.shown.tooltip {
            let text = platform::tooltip_text(&view.tooltip);
            if let Err(error) = self.icon.set_tooltip(Some(text)) {
                tracing::debug!(%error, "the tooltip stays as it was");
                taken = false;
            } else {
                self.shown.tooltip = view.tooltip;
            }
        }
        if view.menu != self.shown.menu {
            reconcile(&self.menu, &mut self.nodes, &self.shown.menu, &view.menu);
            self.shown.menu = view.menu;
        }
        taken
    }

    /// What choosing the item means.
    pub(super) fn choice(&self, chosen: &MenuId) -> Option<Choice> {
        find(&self.nodes, &self.shown.menu, chosen)
    }
}

fn drawing(view: &View) -> tray_icon::Result<Icon> {
    let picture = view.look.picture(view.frame, platform::tray_icon_size());
    let icon = picture.map(|picture| Icon::from_rgba(picture.rgba, picture.size, picture.size));
    let missing = BadIcon::OsError(std::io::ErrorKind::NotFound.into());
    icon.unwrap_or(Err(missing)).map_err(|error| {
        let error = std::io::Error::other(error);
        tray_icon::Error::OsError(error)
    })
}

/// What holds items: the menu itself, or a submenu.
trait Shelf {
    fn put(&self, item: &dyn IsMenuItem, position: usize) -> tray_icon::menu::Result<()>;
    fn take(&self, item: &dyn IsMenuItem) -> tray_icon::menu::Result<()>;
}

impl Shelf for Menu {
    fn put(&self, item: &dyn IsMenuItem, position: usize) -> tray_icon::menu::Result<()> {
        self.insert(item, position)
    }

    fn take(&self, item: &dyn IsMenuItem) -> tray_icon::menu::Result<()> {
        self.remove(item)
    }
}

impl Shelf for Submenu {
    fn put(&self, item: &dyn IsMenuItem, position: usize) -> tray_icon::menu::Result<()> {
        self.insert(item, position)
    }

    fn take(&self, item: &dyn IsMenuItem) -> tray_icon::menu::Result<()> {
        self.remove(item)
    }
}

/// Makes the shelf hold `new` where it held `old`.
fn reconcile(shelf: &dyn Shelf, nodes: &mut Vec<Node>, old: &[Item], new: &[Item]) {
    let (head, tail) = kept(old, new);
    for gone in nodes.splice(head..old.len() - tail, []) {
        if let Err(error) = shelf.take(gone.as_item()) {
            tracing::warn!(%error, "an item stays in the menu");
        }
    }
    for (position, item) in new.iter().enumerate().take(new.len() - tail).skip(head) {
        let node = Node::new(item);
        if let Err(error) = shelf.put(node.as_item(), position) {
            tracing::warn!(%error, "an item is missing in the menu");
        }
        nodes.insert(position, node);
    }
    let unchanged_tail = (old.len() - tail..).zip(new.len() - tail..new.len());
    for (before, now) in (0..head).zip(0..head).chain(unchanged_tail) {
        if old[before] != new[now] {
            nodes[now].update(&old[before], &new[now]);
        }
    }
}

/// How many items at the head and at the tail only differ in what they say. The tail goes first:
/// what comes and goes, the questions, is at the top.
fn kept(old: &[Item], new: &[Item]) -> (usize, usize) {
    fn same_kind((one, other): &(&Item, &Item)) -> bool {
        std::mem::discriminant(*one) == std::mem::discriminant(*other)
    }
    let tail = old.iter().rev().zip(new.iter().rev());
    let tail = tail.take_while(same_kind).count();
    let head = old[..old.len() - tail].iter().zip(&new[..new.len() - tail]);
    (head.take_while(same_kind).count(), tail)
}

fn find(nodes: &[Node], items: &[Item], chosen: &MenuId) -> Option<Choice> {
    nodes
        .iter()
        .zip(items)
        .find_map(|(node, item)| match (node, item) {
            (Node::Entry(entry), Item::Entry { choice, .. }) if entry.id() == chosen => {
                choice.clone()
            }
            (
                Node::Check(check),
                Item::Check {
                    checked, choice, ..
                },
            ) if check.id() == chosen => {
                // The system has turned it already; what is true decides when that is known.
                check.set_checked(*checked);
                choice.clone()
            }
            (Node::Submenu(_, nodes), Item::Submenu { items, .. }) => find(nodes, items, chosen),
            (Node::Entry(_) | Node::Check(_) | Node::Submenu(..) | Node::Separator(_), _) => None,
        })
}

impl Node {
    fn new(item: &Item) -> Self {
        match item {
            Item::Entry { label, choice } => {
                Self::Entry(MenuItem::new(literal(label), choice.is_some(), None))
            }
            Item::Check {
                label,
                checked,
                choice,
            } => {
                let enabled = choice.is_some();
                Self::Check(CheckMenuItem::new(literal(label), enabled, *checked, None))
            }
            Item::Submenu { label, items } => {
                let submenu = Submenu::new(literal(label), true);
                let mut nodes = Vec::new();
                reconcile(&submenu, &mut nodes, &[], items);
                Self::Submenu(submenu, nodes)
            }
            Item::Separator => Self::Separator(PredefinedMenuItem::separator()),
        }
    }

    /// Says `new` instead of `old`, which is of the same kind.
    fn update(&mut self, old: &Item, new: &Item) {
        match (self, old, new) {
            (Self::Entry(entry), _, Item::Entry { label, choice }) => {
                entry.set_text(literal(label));
                entry.set_enabled(choice.is_some());
            }
            (
                Self::Check(check),
                _,
                Item::Check {
                    label,
                    checked,
                    choice,
                },
            ) => {
                check.set_text(literal(label));
                check.set_checked(*checked);
                check.set_enabled(choice.is_some());
            }
            (Self::Submenu(submenu, nodes), Item::Submenu { items: before, .. }, new) => {
                if let Item::Submenu { label, items } = new {
                    submenu.set_text(literal(label));
                    reconcile(submenu, nodes, before, items);
                }
            }
            (Self::Entry(_) | Self::Check(_) | Self::Submenu(..) | Self::Separator(_), _, _) => {}
        }
    }

    fn as_item(&self) -> &dyn IsMenuItem {
        match self {
            Self::Entry(entry) => entry,
            Self::Check(check) => check,
            Self::Submenu(submenu, _) => submenu,
            Self::Separator(separator) => separator,
        }
    }
}

/// The text as it is: a single `&` would mark the letter behind it as its key.
fn literal(label: &str) -> String {
    label.replace('&', "&&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(label: &str) -> Item {
        Item::Entry {
            label: label.to_owned(),
            choice: None,
        }
    }

    #[test]
    fn items_that_say_something_else_stay_where_they_are() {
        let old = [entry("a"), Item::Separator, entry("b")];
        let new = [entry("A"), Item::Separator, entry("B")];
        assert_eq!(kept(&old, &new), (0, 3));
    }

    #[test]
    fn a_question_on_top_moves_nothing_else() {
        let old = [entry("open"), Item::Separator, entry("quit")];
        let new = [
            entry("answer"),
            Item::Separator,
            entry("open"),
            Item::Separator,
            entry("quit"),
        ];
        assert_eq!(kept(&old, &new), (0, 3));
        assert_eq!(kept(&new, &old), (0, 3));
    }

    #[test]
    fn another_kind_is_another_item() {
        let submenu = Item::Submenu {
            label: "copy".into(),
            items: Vec::new(),
        };
        let old = [entry("open"), entry("copy"), entry("quit")];
        let new = [entry("open"), submenu, entry("quit")];
        assert_eq!(kept(&old, &new), (1, 1));
        assert_eq!(kept(&[], &new), (0, 0));
    }

    #[test]
    fn ampersands_are_no_keys() {
        assert_eq!(literal("R&D_1"), "R&&D_1");
    }
}
