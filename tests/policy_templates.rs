//! The templates by which administrators set the policy: made from the table of keys, and committed.
//!
//! `UPDATE_POLICY_TEMPLATES=1 cargo test --test policy_templates` writes them anew.

use passerelle::config::{About, Absent, Allowed, Section, default_settings, keys_of};
use passerelle::i18n;
use passerelle::model::Language;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

#[test]
fn the_templates_have_every_key() {
    let policies = policies();
    assert!(policies.len() > 30, "only {} policies", policies.len());
    for (name, text) in [
        ("Passerelle.admx", admx(&policies)),
        ("en-US/Passerelle.adml", adml(&policies, Language::En)),
        ("fr-FR/Passerelle.adml", adml(&policies, Language::Fr)),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("wix/policies");
        let path = path.join(name);
        if std::env::var_os("UPDATE_POLICY_TEMPLATES").is_some() {
            fs::create_dir_all(path.parent().expect("it is below wix")).expect("a directory");
            fs::write(&path, &text).expect("it can be written");
        }
        let committed = fs::read_to_string(&path).expect(name);
        assert!(committed == text, "{name} is not what the keys make it");
    }
}

/// One setting in the policy editor: a key, in one of the two halves of the policy.
struct Policy {
    half: &'static str,
    place: Place,
    key: &'static About,
}

#[derive(Clone, PartialEq, Eq)]
enum Place {
    Root,
    Tunnel,
    Forward(String),
}

/// Every key of the tables that have a fixed place in a registry: the top, the first tunnel, and its
/// built-in forwards. The others have theirs by name, which no template can know.
fn policies() -> Vec<Policy> {
    let forwards = default_settings().tunnels[0].forwards.clone();
    let forwards = forwards.iter().map(|forward| {
        (
            Place::Forward(forward.id.name.to_string()),
            Section::Forward,
        )
    });
    let places = [
        (Place::Root, Section::Root),
        (Place::Tunnel, Section::Tunnel),
    ];
    let places: Vec<_> = places.into_iter().chain(forwards).collect();

    let mut policies = Vec::new();
    for half in ["Locked", "Preset"] {
        for (place, section) in &places {
            let keys = keys_of(*section).filter(|key| element(key).is_some());
            // A forward's name is the name of its key in the registry.
            let keys = keys.filter(|key| *section != Section::Forward || key.name != "name");
            policies.extend(keys.map(|key| Policy {
                half,
                place: place.clone(),
                key,
            }));
        }
    }
    policies
}

impl Policy {
    fn name(&self) -> String {
        format!("{}_{}", self.category(), self.key.name)
    }

    fn category(&self) -> String {
        format!("{}{}", self.half, self.place.suffix())
    }

    fn registry_key(&self) -> String {
        let below = match &self.place {
            Place::Root => String::new(),
            Place::Tunnel => r"\Tunnel".to_owned(),
            Place::Forward(name) => format!(r"\Tunnel\Forward\{name}"),
        };
        format!(r"Software\Policies\Passerelle\{}{below}", self.half)
    }
}

impl Place {
    fn suffix(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Tunnel => "_Tunnel".to_owned(),
            Self::Forward(name) => format!("_Tunnel_{name}"),
        }
    }

    fn parent(&self) -> Option<Self> {
        match self {
            Self::Root => None,
            Self::Tunnel => Some(Self::Root),
            Self::Forward(_) => Some(Self::Tunnel),
        }
    }
}

/// How the editor lets a value be entered, and how it is stored.
enum Element {
    Choice(&'static [&'static str]),
    Switch,
    Number,
    Text,
    Lines,
}

/// `None` for tables: their keys are settings of their own.
fn element(key: &About) -> Option<Element> {
    match key.allowed {
        Allowed::Word(words) | Allowed::HealthCheck(words) => Some(Element::Choice(words)),
        Allowed::Flag => Some(Element::Switch),
        Allowed::Port => Some(Element::Number),
        Allowed::Name
        | Allowed::Host
        | Allowed::User
        | Allowed::LocalBind
        | Allowed::RemoteTarget
        | Allowed::ShortTime
        | Allowed::UrlPath => Some(Element::Text),
        Allowed::Words(_) | Allowed::Files | Allowed::Fingerprints | Allowed::StatusCodes => {
            Some(Element::Lines)
        }
        Allowed::Tunnels | Allowed::Forwards | Allowed::Table | Allowed::Keys(_) => None,
    }
}

fn admx(policies: &[Policy]) -> String {
    let mut text = String::from(
        r#"<?xml version="1.0" encoding="utf-8"?>
<policyDefinitions xmlns="http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions" revision="1.0" schemaVersion="1.0">
  <policyNamespaces>
    <target prefix="passerelle" namespace="Passerelle.Policies"/>
  </policyNamespaces>
  <resources minRequiredRevision="1.0"/>
  <supportedOn>
    <definitions>
      <definition name="Windows10" displayName="$(string.Windows10)"/>
    </definitions>
  </supportedOn>
  <categories>
    <category name="Passerelle" displayName="$(string.Passerelle)"/>
"#,
    );
    let mut seen = Vec::new();
    for policy in policies {
        let category = policy.category();
        if seen.contains(&category) {
            continue;
        }
        let parent = policy.place.parent().map_or_else(
            || "Passerelle".to_owned(),
            |place| format!("{}{}", policy.half, place.suffix()),
        );
        let _ = write!(
            text,
            r#"    <category name="{category}" displayName="$(string.{category})">
      <parentCategory ref="{parent}"/>
    </category>
"#
        );
        seen.push(category);
    }
    text += "  </categories>\n  <policies>\n";
    for policy in policies {
        text += &admx_policy(policy);
    }
    text += "  </policies>\n</policyDefinitions>\n";
    text
}

fn admx_policy(policy: &Policy) -> String {
    let (name, value) = (policy.name(), policy.key.name);
    let switch = "\n      <enabledValue><decimal value=\"1\"/></enabledValue>\
                  \n      <disabledValue><decimal value=\"0\"/></disabledValue>";
    let (attribute, body) = match element(policy.key) {
        Some(Element::Switch) => (format!(r#"valueName="{value}""#), switch.to_owned()),
        element => {
            let element = match element {
                Some(Element::Number) => format!(
                    r#"<decimal id="value" valueName="{value}" required="true" minValue="1" maxValue="65535"/>"#
                ),
                Some(Element::Lines) => {
                    format!(r#"<multiText id="value" valueName="{value}" required="true"/>"#)
                }
                Some(Element::Choice(words)) => {
                    let items: String = words
                        .iter()
                        .map(|word| {
                            format!(
                                "\n          <item displayName=\"$(string.Word_{word})\">\
                                 <value><string>{word}</string></value></item>"
                            )
                        })
                        .collect();
                    format!(
                        r#"<enum id="value" valueName="{value}" required="true">{items}
        </enum>"#
                    )
                }
                Some(Element::Text | Element::Switch) | None => {
                    format!(r#"<text id="value" valueName="{value}" required="true"/>"#)
                }
            };
            (
                format!(r#"presentation="$(presentation.{name})""#),
                format!("\n      <elements>\n        {element}\n      </elements>"),
            )
        }
    };
    format!(
        r#"    <policy name="{name}" class="Machine" displayName="$(string.{name})" explainText="$(string.{name}_Help)" key="{key}" {attribute}>
      <parentCategory ref="{category}"/>
      <supportedOn ref="Windows10"/>{body}
    </policy>
"#,
        key = policy.registry_key(),
        category = policy.category(),
    )
}

fn adml(policies: &[Policy], language: Language) -> String {
    let say = |en: &'static str, fr: &'static str| match language {
        Language::En => en,
        Language::Fr => fr,
    };
    let mut strings = vec![
        ("Passerelle".to_owned(), "Passerelle".to_owned()),
        (
            "Windows10".to_owned(),
            say("Windows 10 or later", "Windows 10 ou plus récent").to_owned(),
        ),
    ];
    let mut presentations = String::new();
    let meaning = |half| match half {
        "Locked" => say(
            "The user's configuration file cannot change it.",
            "Le fichier de configuration de l’utilisateur ne peut pas le changer.",
        ),
        _ => say(
            "The user's configuration file may say otherwise.",
            "Le fichier de configuration de l’utilisateur peut en décider autrement.",
        ),
    };
    for policy in policies {
        let title = match &policy.place {
            Place::Root if policy.half == "Locked" => say("Locked", "Verrouillé").to_owned(),
            Place::Root => say("Preset", "Préréglé").to_owned(),
            Place::Tunnel => say("First tunnel", "Premier tunnel").to_owned(),
            Place::Forward(name) => name.clone(),
        };
        strings.push((policy.category(), title));
        if let Some(Element::Choice(words)) = element(policy.key) {
            strings.extend(
                words
                    .iter()
                    .map(|word| (format!("Word_{word}"), (*word).to_owned())),
            );
        }
        let key = policy.key;
        let what = say(key.en, key.fr);
        let default = match (&policy.place, key.absent) {
            (Place::Forward(_), _) => String::new(),
            (_, Absent::Is(value) | Absent::InFirstTunnel(value)) => {
                format!(" {}{value}.", say("Default: ", "Par défaut : "))
            }
            (_, Absent::BuiltIn | Absent::Nothing | Absent::Missing) => String::new(),
        };
        strings.push((policy.name(), key.name.to_owned()));
        strings.push((
            format!("{}_Help", policy.name()),
            format!(
                "{what}{default}\n\n{}\n\n{}",
                i18n::allowed(language, &key.allowed),
                meaning(policy.half)
            ),
        ));
        presentations += &presentation(policy);
    }
    strings.sort();
    strings.dedup();
    let table: String = strings
        .iter()
        .map(|(id, text)| format!("      <string id=\"{id}\">{}</string>\n", escaped(text)))
        .collect();
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<policyDefinitionResources xmlns="http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions" revision="1.0" schemaVersion="1.0">
  <displayName>Passerelle</displayName>
  <description>{description}</description>
  <resources>
    <stringTable>
{table}    </stringTable>
    <presentationTable>
{presentations}    </presentationTable>
  </resources>
</policyDefinitionResources>
"#,
        description = say("The policies of Passerelle", "Les stratégies de Passerelle"),
    )
}

fn presentation(policy: &Policy) -> String {
    let label = policy.key.name;
    let control = match element(policy.key) {
        Some(Element::Choice(_)) => {
            format!(r#"<dropdownList refId="value" noSort="true">{label}</dropdownList>"#)
        }
        Some(Element::Number) => {
            format!(r#"<decimalTextBox refId="value" defaultValue="722">{label}</decimalTextBox>"#)
        }
        Some(Element::Text) => {
            format!(r#"<textBox refId="value"><label>{label}</label></textBox>"#)
        }
        Some(Element::Lines) => format!(r#"<multiTextBox refId="value">{label}</multiTextBox>"#),
        Some(Element::Switch) | None => return String::new(),
    };
    format!(
        "      <presentation id=\"{}\">\n        {control}\n      </presentation>\n",
        policy.name()
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
