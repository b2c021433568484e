//! The icon and its menu, drawn with tray-icon: only what differs from what is shown is touched, so
//! that a menu stays open, and where it is, while the state changes behind it.
//!
//! An item's id is what choosing it means, for as long as the item exists: an item that is to mean
//! something else is another item. So a click on an item that the user still saw does what its text
//! said, or, when that is gone, nothing. On Linux the panel knows items by numbers of its own, which
//! stand for places; they become invalid when the number of items changes, and so it is shown the menu
//! with the new items before the old ones are taken away.

use super::icon::Look;
use super::menu::{self, Choice, Item};
use crate::platform;
use std::sync::atomic::{AtomicU64, Ordering};
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
        put_new(&menu, &mut nodes, &[], &view.menu);
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
        let tooltip = platform::tooltip_text(&view.tooltip);
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
            if let Err(error) = self.icon.set_tooltip(Some(&tooltip)) {
                tracing::debug!(%error, "the tooltip stays as it was");
                taken = false;
            } else {
                self.shown.tooltip = view.tooltip;
            }
        }
        if view.menu != self.shown.menu {
            let (old, new) = (&self.shown.menu, &view.menu);
            let more = put_new(&self.menu, &mut self.nodes, old, new);
            if more && !all_stay(old, new) {
                // The panel is shown the menu as it is with whatever else is set, and it is waited for.
                // If that fails, so did the tooltip above, and it is all shown again.
                let _ = self.icon.set_tooltip(Some(&tooltip));
            }
            take_gone(&self.menu, &mut self.nodes, old, new);
            self.shown.menu = view.menu;
        }
        taken
    }

    /// What choosing the item means; `None`: it is there no more.
    pub(super) fn choice(&self, chosen: &MenuId) -> Option<Choice> {
        restore_checks(&self.nodes, &self.shown.menu);
        menu::chosen(&self.shown.menu, meaning(chosen)?).cloned()
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

/// Puts on the shelf, which holds `old`, what is new in `new`, before what does not stay. Tells whether
/// there was any.
fn put_new(shelf: &dyn Shelf, nodes: &mut Vec<Node>, old: &[Item], new: &[Item]) -> bool {
    let (head, tail) = kept(old, new);
    let mut any = false;
    for (node, (before, now)) in ends(nodes, head, tail).zip(staying(old, new)) {
        if before != now {
            any |= node.update(before, now);
        }
    }
    for (position, item) in new.iter().enumerate().take(new.len() - tail).skip(head) {
        let node = Node::new(item);
        if let Err(error) = shelf.put(node.as_item(), position) {
            tracing::warn!(%error, "an item is missing in the menu");
        }
        nodes.insert(position, node);
        any = true;
    }
    any
}

/// Takes from the shelf what does not stay of `old`, once [`put_new`] has put there what is new.
fn take_gone(shelf: &dyn Shelf, nodes: &mut Vec<Node>, old: &[Item], new: &[Item]) {
    let (head, tail) = kept(old, new);
    for gone in nodes.splice(new.len() - tail..nodes.len() - tail, []) {
        if let Err(error) = shelf.take(gone.as_item()) {
            tracing::warn!(%error, "an item stays in the menu");
        }
    }
    for (node, (before, now)) in ends(nodes, head, tail).zip(staying(old, new)) {
        if let (
            Node::Submenu(submenu, nodes),
            Item::Submenu { items: before, .. },
            Item::Submenu { items: now, .. },
        ) = (node, before, now)
        {
            take_gone(submenu, nodes, before, now);
        }
    }
}

/// Whether everything in `old` stays.
fn all_stay(old: &[Item], new: &[Item]) -> bool {
    let (head, tail) = kept(old, new);
    head + tail == old.len()
        && staying(old, new).all(|pair| match pair {
            (Item::Submenu { items: old, .. }, Item::Submenu { items: new, .. }) => {
                all_stay(old, new)
            }
            (
                Item::Entry { .. } | Item::Check { .. } | Item::Submenu { .. } | Item::Separator,
                _,
            ) => true,
        })
}

/// The items that stay, each as it was and as it is to be.
fn staying<'i>(old: &'i [Item], new: &'i [Item]) -> impl Iterator<Item = (&'i Item, &'i Item)> {
    let (head, tail) = kept(old, new);
    let at_head = old[..head].iter().zip(&new[..head]);
    let at_tail = old[old.len() - tail..].iter().zip(&new[new.len() - tail..]);
    at_head.chain(at_tail)
}

/// The nodes of the items that stay: so many at the head, so many at the tail.
fn ends(nodes: &mut [Node], head: usize, tail: usize) -> impl Iterator<Item = &mut Node> {
    let middle = nodes.len() - tail;
    let (front, at_tail) = nodes.split_at_mut(middle);
    front.iter_mut().take(head).chain(at_tail)
}

/// How many items at the head and at the tail stay, and differ at most in what they say. The tail goes
/// first: what comes and goes, the questions, is at the top.
fn kept(old: &[Item], new: &[Item]) -> (usize, usize) {
    fn stays((old, new): &(&Item, &Item)) -> bool {
        match (old, new) {
            (Item::Entry { choice: old, .. }, Item::Entry { choice: new, .. })
            | (Item::Check { choice: old, .. }, Item::Check { choice: new, .. }) => old == new,
            (Item::Submenu { tunnel: old, .. }, Item::Submenu { tunnel: new, .. }) => old == new,
            (Item::Separator, Item::Separator) => true,
            (
                Item::Entry { .. } | Item::Check { .. } | Item::Submenu { .. } | Item::Separator,
                _,
            ) => false,
        }
    }
    let tail = old.iter().rev().zip(new.iter().rev());
    let tail = tail.take_while(stays).count();
    let head = old[..old.len() - tail].iter().zip(&new[..new.len() - tail]);
    (head.take_while(stays).count(), tail)
}

/// The system turns a check mark when it is clicked; what is true decides when that is known.
fn restore_checks(nodes: &[Node], items: &[Item]) {
    for (node, item) in nodes.iter().zip(items) {
        match (node, item) {
            (Node::Check(check), Item::Check { checked, .. }) => check.set_checked(*checked),
            (Node::Submenu(_, nodes), Item::Submenu { items, .. }) => restore_checks(nodes, items),
            (Node::Entry(_) | Node::Check(_) | Node::Submenu(..) | Node::Separator(_), _) => {}
        }
    }
}

impl Node {
    fn new(item: &Item) -> Self {
        match item {
            Item::Entry { label, choice } => Self::Entry(match choice {
                Some(choice) => MenuItem::with_id(new_id(choice), literal(label), true, None),
                None => MenuItem::new(literal(label), false, None),
            }),
            Item::Check {
                label,
                checked,
                choice,
            } => Self::Check(match choice {
                Some(choice) => {
                    CheckMenuItem::with_id(new_id(choice), literal(label), true, *checked, None)
                }
                None => CheckMenuItem::new(literal(label), false, *checked, None),
            }),
            Item::Submenu { label, items, .. } => {
                let submenu = Submenu::new(literal(label), true);
                let mut nodes = Vec::new();
                put_new(&submenu, &mut nodes, &[], items);
                Self::Submenu(submenu, nodes)
            }
            Item::Separator => Self::Separator(PredefinedMenuItem::separator()),
        }
    }

    /// Says `new` instead of `old`, which stays. Tells whether a submenu has more items now; what does
    /// not stay of it is still there.
    fn update(&mut self, old: &Item, new: &Item) -> bool {
        match (self, old, new) {
            (Self::Entry(entry), _, Item::Entry { label, choice }) => {
                entry.set_text(literal(label));
                entry.set_enabled(choice.is_some());
                false
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
                false
            }
            (
                Self::Submenu(submenu, nodes),
                Item::Submenu { items: before, .. },
                Item::Submenu { label, items, .. },
            ) => {
                submenu.set_text(literal(label));
                put_new(submenu, nodes, before, items)
            }
            (Self::Entry(_) | Self::Check(_) | Self::Submenu(..) | Self::Separator(_), _, _) => {
                false
            }
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

/// An id for an item that means this: what it means, behind a number of its own. Two items may mean the
/// same while one takes the other's place, and muda tells them apart by their ids alone.
fn new_id(choice: &Choice) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{} {}", NEXT.fetch_add(1, Ordering::Relaxed), choice.id())
}

/// What an item of that id means; `None`: it cannot be chosen.
fn meaning(id: &MenuId) -> Option<&str> {
    id.0.split_once(' ').map(|(_, meaning)| meaning)
}

/// The text as it is: a single `&` would mark the letter behind it as its key.
fn literal(label: &str) -> String {
    label.replace('&', "&&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TunnelId;

    fn entry(label: &str) -> Item {
        Item::Entry {
            label: label.to_owned(),
            choice: None,
        }
    }

    fn copying(text: &str) -> Item {
        Item::Entry {
            label: text.to_owned(),
            choice: Some(Choice::Copy(text.to_owned())),
        }
    }

    fn submenu(name: &str, items: &[Item]) -> Item {
        Item::Submenu {
            tunnel: TunnelId::new(name),
            label: name.to_owned(),
            items: items.to_vec(),
        }
    }

    /// The nodes of that menu.
    fn put(items: &[Item]) -> Vec<Node> {
        let mut nodes = Vec::new();
        put_new(&Menu::new(), &mut nodes, &[], items);
        nodes
    }

    fn count(nodes: &[Node]) -> usize {
        let below = nodes.iter().map(|node| match node {
            Node::Submenu(_, nodes) => count(nodes),
            Node::Entry(_) | Node::Check(_) | Node::Separator(_) => 0,
        });
        nodes.len() + below.sum::<usize>()
    }

    /// The id and the text of all items that there are.
    fn ids(nodes: &[Node]) -> Vec<(MenuId, String)> {
        let ids = nodes.iter().flat_map(|node| match node {
            Node::Entry(entry) => vec![(entry.id().clone(), entry.text())],
            Node::Check(check) => vec![(check.id().clone(), check.text())],
            Node::Submenu(_, nodes) => ids(nodes),
            Node::Separator(_) => Vec::new(),
        });
        ids.collect()
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
        let old = [entry("open"), entry("copy"), entry("quit")];
        let new = [entry("open"), submenu("copy", &[]), entry("quit")];
        assert_eq!(kept(&old, &new), (1, 1));
        assert_eq!(kept(&[], &new), (0, 0));
    }

    #[test]
    fn what_means_something_else_is_another_item() {
        let [a, b, told] = [copying("a"), copying("b"), entry("b")];
        let kept = |old: &[Item], new: &[Item]| kept(old, new);
        assert_eq!(
            kept(&[a.clone(), b.clone()], &[b.clone(), a.clone()]),
            (0, 0)
        );
        assert_eq!(
            kept(&[a.clone(), b.clone()], std::slice::from_ref(&b)),
            (0, 1)
        );
        assert_eq!(
            kept(std::slice::from_ref(&b), std::slice::from_ref(&told)),
            (0, 0)
        );
        assert_eq!(kept(&[told], &[b]), (0, 0));
        let [one, two] = [submenu("one", &[]), submenu("two", &[])];
        assert_eq!(kept(&[one.clone(), two.clone()], &[two, one]), (0, 0));
    }

    #[test]
    fn items_of_the_system_keep_their_ids_while_the_menu_changes() {
        let [a, b, c] = ["a", "b", "c"].map(copying);
        let one = submenu("one", &[a.clone(), Item::Separator, b.clone()]);
        let other = submenu("one", &[b.clone(), Item::Separator, c.clone()]);
        let menus = [
            vec![],
            vec![a.clone(), b.clone(), c.clone()],
            vec![c.clone(), entry("told"), a.clone()],
            vec![entry("b"), one.clone(), c.clone()],
            vec![entry("b"), other.clone(), c],
            vec![submenu("two", &[b]), one, other],
        ];
        for old in &menus {
            for new in &menus {
                let (menu, mut nodes) = (Menu::new(), Vec::new());
                put_new(&menu, &mut nodes, &[], old);
                let before = ids(&nodes);
                let more = put_new(&menu, &mut nodes, old, new);
                let both = count(&nodes);
                take_gone(&menu, &mut nodes, old, new);
                let shown = menu.items();
                let own: Vec<_> = nodes.iter().map(|node| node.as_item().id()).collect();
                assert_eq!(shown.iter().map(|item| item.id()).collect::<Vec<_>>(), own);
                // So the panel meets no menu of the same shape in which an item means another thing.
                assert_eq!(more, both != count(&put(old)));
                assert_eq!(all_stay(old, new), both == count(&nodes));
                assert_eq!(count(&nodes), count(&put(new)));
                for (id, text) in ids(&nodes) {
                    let can_be_chosen = meaning(&id).and_then(|meaning| menu::chosen(new, meaning));
                    assert_eq!(can_be_chosen.is_some(), meaning(&id).is_some());
                    let same = before.iter().find(|(other, _)| *other == id);
                    // All choices here are called what they do.
                    if let (Some(choice), Some((_, said))) = (can_be_chosen, same) {
                        assert_eq!((said, choice), (&text, &Choice::Copy(text.clone())));
                    }
                }
            }
        }
    }

    #[test]
    fn ampersands_are_no_keys() {
        assert_eq!(literal("R&D_1"), "R&&D_1");
    }
}
