//! The menu, as a whole, in both languages.

use super::*;
use crate::model::PresentedKey;
use crate::model::samples::host_key_question;
use crate::model::{
    Fault, Health, HealthReason, HealthState, Phase, PortOwner, Question, QuestionKind,
};
use crate::ui::samples;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

fn with(language: Language, times: Times) -> Surroundings {
    Surroundings {
        language,
        times,
        autostart: Autostart::Off,
        has_files: true,
    }
}

/// As one sees it: `-` is a line between groups, `[x]` a check mark, `(…)` what cannot be chosen.
fn drawn(items: &[Item], indent: usize) -> String {
    let mut text = String::new();
    for item in items {
        let line = match item {
            Item::Entry {
                label,
                choice: Some(_),
            } => label.clone(),
            Item::Entry {
                label,
                choice: None,
            } => format!("({label})"),
            Item::Check {
                label,
                checked,
                choice,
            } => {
                let mark = if *checked { 'x' } else { ' ' };
                let fixed = if choice.is_none() { " (fixed)" } else { "" };
                format!("[{mark}] {label}{fixed}")
            }
            Item::Submenu { label, items, .. } => {
                let below = drawn(items, indent + 2);
                format!("{label} >\n{}", below.trim_end())
            }
            Item::Separator => "-".to_owned(),
        };
        let _ = writeln!(text, "{:indent$}{line}", "");
    }
    text
}

fn see(language: Language, snapshot: &Snapshot, times: Times) -> String {
    let menu = menu(snapshot, &with(language, times));
    // French typography is tested where the sentences are.
    drawn(&menu, 0).replace('\u{a0}', " ")
}

#[test]
fn when_all_is_well() {
    let times = samples::times();
    let snapshot = samples::healthy(times.now);
    assert_eq!(
        see(Language::Fr, &snapshot, times),
        "\
Ouvrir Grafana
Ouvrir Prometheus
-
(Production : tout fonctionne depuis 14:02)
Déconnecter
Reconnecter maintenant
Copier l’adresse >
  http://localhost:3000/
  http://localhost:9090/
-
Ouvrir le journal
Modifier la configuration
Diagnostic…
[ ] Démarrer à l’ouverture de session
À propos de Passerelle
-
Quitter
"
    );
    assert_eq!(
        see(Language::En, &snapshot, times),
        "\
Open Grafana
Open Prometheus
-
(Production: everything works since 14:02)
Disconnect
Reconnect now
Copy the address >
  http://localhost:3000/
  http://localhost:9090/
-
Open the log
Edit the configuration
Diagnosis…
[ ] Start at log-on
About Passerelle
-
Quit
"
    );
}

#[test]
fn what_choosing_an_item_means() {
    let times = samples::times();
    let snapshot = samples::healthy(times.now);
    let id = TunnelId::new("Production");
    let choices: Vec<_> = menu(&snapshot, &with(Language::En, times))
        .into_iter()
        .filter_map(|item| match item {
            Item::Entry { choice, .. } | Item::Check { choice, .. } => choice,
            Item::Submenu { .. } | Item::Separator => None,
        })
        .collect();
    let forward = |name| Choice::Wish(Wish::Open(crate::model::ForwardId::new(&id, name)));
    let command = |command| Choice::Wish(Wish::Command(command));
    assert_eq!(
        choices,
        [
            forward("Grafana"),
            forward("Prometheus"),
            command(Command::Down(Some(id.clone()))),
            command(Command::Restart(Some(id.clone()))),
            Choice::Wish(Wish::OpenLog),
            Choice::Wish(Wish::EditConfiguration),
            Choice::Diagnose,
            Choice::Wish(Wish::SetAutostart(true)),
            Choice::About,
            command(Command::Quit),
        ]
    );
}

/// Menus that follow each other: what comes, goes, and changes places.
fn menus() -> Vec<Vec<Item>> {
    let times = samples::times();
    let one = samples::healthy(times.now);
    let mut asking = one.clone();
    asking.tunnels[0].question = Some(host_key_question(7));
    let mut asking_again = one.clone();
    asking_again.tunnels[0].question = Some(host_key_question(8));
    let mut refused = one.clone();
    refused.settings_errors = Arc::new(["line 3: nonsense".to_owned()]);
    let mut down = one.clone();
    down.tunnels[0].target = Target::Down;
    let two = samples::in_phases([Phase::Connecting, Phase::Blocked]);
    let mut swapped = two.clone();
    swapped.tunnels.reverse();
    let mut second = two.clone();
    second.tunnels.remove(0);
    let snapshots = [
        one,
        asking,
        asking_again,
        refused,
        down,
        two,
        swapped,
        second,
    ];
    let mut menus = vec![Vec::new()];
    for autostart in [Autostart::Off, Autostart::On, Autostart::Fixed(true)] {
        menus.extend(snapshots.iter().map(|snapshot| {
            let with = Surroundings {
                autostart,
                ..with(Language::En, times)
            };
            menu(snapshot, &with)
        }));
    }
    menus
}

fn choices(items: &[Item]) -> Vec<&Choice> {
    let choices = items.iter().flat_map(|item| match item {
        Item::Entry { choice, .. } | Item::Check { choice, .. } => choice.iter().collect(),
        Item::Submenu { items, .. } => choices(items),
        Item::Separator => Vec::new(),
    });
    choices.collect()
}

#[test]
fn an_id_means_one_thing_in_every_menu() {
    let menus = menus();
    for shown in &menus {
        for choice in choices(shown) {
            for now in &menus {
                let still_there = choices(now).contains(&choice);
                let done = chosen(now, &choice.id());
                assert_eq!(done, still_there.then_some(choice));
            }
        }
    }
}

#[test]
fn names_cannot_make_one_choice_look_like_another() {
    let copy = |text: &str| Choice::Copy(text.to_owned());
    let explain = |name: &str| Choice::Explain(TunnelId::new(name));
    assert_ne!(copy("a\") Quit").id(), copy("a\\\") Quit").id());
    assert_ne!(explain("a").id(), copy("a").id());
    assert_ne!(explain("a").id(), explain("A").id());
}

#[test]
fn when_the_server_does_not_answer() {
    let times = samples::times();
    let mut snapshot = samples::healthy(times.now);
    let view = &mut snapshot.tunnels[0];
    view.phase = Phase::Waiting;
    view.next_dial = Some(times.now + Duration::from_secs(3));
    view.fault = Some(Fault::ConnectionRefused {
        server: "prod:722".into(),
    });
    // What was known through the session that is gone.
    view.forwards[0].health = Health::default();
    let french = see(Language::Fr, &snapshot, times);
    assert!(
        french.starts_with(
            "\
Ouvrir Grafana
Ouvrir Prometheus
-
(Production : nouvelle tentative à 14:02:08)
(La machine prod:722 répond, mais aucun service SSH n’écoute sur ce port.)
Déconnecter
Reconnecter maintenant
"
        ),
        "{french}"
    );
}

#[test]
fn each_service_tells_its_own_truth() {
    let times = samples::times();
    let mut snapshot = samples::healthy(times.now);
    let view = &mut snapshot.tunnels[0];
    view.phase = Phase::Degraded;
    view.forwards[0].health =
        Health::because(HealthState::Starting, HealthReason::PrometheusNotReady);
    view.forwards[1].health = Health::because(HealthState::Failing, HealthReason::GrafanaDatabase);
    let french = see(Language::Fr, &snapshot, times);
    assert!(
        french.starts_with(
            "\
Grafana : base de données en panne
Prometheus relit son journal
-
(Production : un service est en panne depuis 14:02)
"
        ),
        "{french}"
    );

    let view = &mut snapshot.tunnels[0];
    view.forwards[0].health = Health::ok();
    view.forwards[1].listening = false;
    view.forwards[1].fault = Some(Fault::PortTaken {
        address: "127.0.0.1:3000".parse().unwrap(),
        owner: Some(PortOwner {
            pid: 1,
            process: Some("node".into()),
        }),
    });
    let english = see(Language::En, &snapshot, times);
    let first = english.lines().take(2).collect::<Vec<_>>();
    assert_eq!(
        first,
        ["Grafana: port 3000 is taken by node", "Open Prometheus"]
    );
}

#[test]
fn what_asks_for_the_user_is_on_top() {
    let times = samples::times();
    let mut snapshot = samples::healthy(times.now);
    snapshot.settings_errors = Arc::new(["line 3: nonsense".to_owned()]);
    let view = &mut snapshot.tunnels[0];
    view.phase = Phase::Blocked;
    view.question = Some(host_key_question(7));
    let french = see(Language::Fr, &snapshot, times);
    assert!(
        french.starts_with(
            "\
Confirmer la clé du serveur serveurproduction…
La configuration a une erreur et n’est pas appliquée…
-
Ouvrir Grafana
"
        ),
        "{french}"
    );
    assert!(french.contains("(Production : vous attend)"), "{french}");
}

#[test]
fn a_changed_key_asks_for_the_user_too() {
    let times = samples::times();
    let mut snapshot = samples::healthy(times.now);
    let view = &mut snapshot.tunnels[0];
    view.phase = Phase::Blocked;
    view.fault = Some(Fault::HostKeyChanged {
        key: PresentedKey {
            host: "prod".into(),
            port: 722,
            algorithm: "ssh-ed25519".into(),
            fingerprint: "SHA256:new".into(),
            line: "ssh-ed25519 AAAA".into(),
        },
        known: vec!["SHA256:old".into()],
        source: "known_hosts:1".into(),
    });
    let id = view.id().clone();
    let menu = menu(&snapshot, &with(Language::Fr, times));
    let Item::Entry { label, choice } = &menu[0] else {
        panic!("{menu:?}");
    };
    assert!(label.starts_with("À voir\u{a0}: "), "{label}");
    assert_eq!(choice, &Some(Choice::Explain(id)));
}

#[test]
fn every_kind_of_question_is_an_entry() {
    let times = samples::times();
    let mut snapshot = samples::healthy(times.now);
    let mut first_line = |kind| {
        let id = QuestionId(8);
        snapshot.tunnels[0].question = Some(Question {
            id,
            kind,
            expires: None,
        });
        let menu = menu(&snapshot, &with(Language::En, times));
        let Item::Entry { label, choice } = &menu[0] else {
            panic!("{menu:?}");
        };
        let answer = Choice::Answer(id);
        assert_eq!(choice.as_ref(), Some(&answer));
        label.clone()
    };
    assert_eq!(
        first_line(QuestionKind::Password {
            user: "m".into(),
            server: "m@prod:722".into(),
            rejected: false,
        }),
        "Give the password of m@prod:722…"
    );
    assert_eq!(
        first_line(QuestionKind::Passphrase {
            key: "/home/m/.ssh/id_ed25519".into(),
            rejected: true,
        }),
        "Give the passphrase of the key id_ed25519…"
    );
    assert_eq!(
        first_line(QuestionKind::Interactive {
            name: String::new(),
            instruction: "\u{1b}[2JCode".into(),
            prompts: Vec::new(),
        }),
        "Answer the server…"
    );
}

#[test]
fn a_stopped_tunnel_can_be_connected_and_not_reconnected() {
    let mut times = samples::times();
    let mut snapshot = samples::in_phases([Phase::Stopped]);
    snapshot.tunnels[0].since = times.now;
    times.now += Duration::from_secs(86_400);
    let english = see(Language::En, &snapshot, times);
    assert!(
        english.contains(
            "\
(One: disconnected since Nov 22, 14:02)
Connect
(Reconnect now)
"
        ),
        "{english}"
    );
}

#[test]
fn several_tunnels_have_a_submenu_each() {
    let snapshot = samples::in_phases([Phase::Connecting, Phase::Blocked]);
    let english = see(Language::En, &snapshot, samples::times());
    assert!(
        english.starts_with(
            "\
One: logging in… >
  Open Grafana
  Open Prometheus
  -
  (One: logging in…)
  Disconnect
  Reconnect now
  Copy the address >
    http://localhost:3000/
    http://localhost:9090/
Two: waits for you >
"
        ),
        "{english}"
    );
}

#[test]
fn a_start_at_logon_that_is_fixed_cannot_be_changed() {
    let times = samples::times();
    let snapshot = samples::healthy(times.now);
    let line = |autostart| {
        let with = Surroundings {
            autostart,
            ..with(Language::En, times)
        };
        let drawn = drawn(&menu(&snapshot, &with), 0);
        let line = drawn.lines().find(|line| line.contains("log-on"));
        line.unwrap().to_owned()
    };
    assert_eq!(line(Autostart::On), "[x] Start at log-on");
    assert_eq!(line(Autostart::Fixed(true)), "[x] Start at log-on (fixed)");
    assert_eq!(line(Autostart::Fixed(false)), "[ ] Start at log-on (fixed)");
}

#[test]
fn the_demonstration_has_no_files_to_open() {
    let times = samples::times();
    let with = Surroundings {
        has_files: false,
        ..with(Language::En, times)
    };
    let drawn = drawn(&menu(&samples::healthy(times.now), &with), 0);
    assert!(
        drawn.ends_with("-\nDiagnosis…\nAbout Passerelle\n-\nQuit\n"),
        "{drawn}"
    );
    assert!(!drawn.contains("log"), "{drawn}");
}

#[test]
fn names_cannot_fill_the_screen() {
    let mut snapshot = samples::in_phases([Phase::Waiting]);
    snapshot.tunnels[0].fault = Some(Fault::ConnectFailed {
        server: "s".into(),
        detail: "x\n".repeat(500),
    });
    for item in menu(&snapshot, &with(Language::En, samples::times())) {
        if let Item::Entry { label, .. } = item {
            assert!(
                label.chars().count() <= 90 && !label.contains('\n'),
                "{label}"
            );
        }
    }
}
