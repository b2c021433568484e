//! The French help of the command line. The English one stands beside the arguments themselves, as
//! doc comments.

use crate::model::Language;

/// The exit codes, as the help ends with them.
pub(crate) fn exit_codes(language: Language) -> &'static str {
    match language {
        Language::En => EXIT_CODES_EN,
        Language::Fr => EXIT_CODES_FR,
    }
}

const EXIT_CODES_EN: &str = "\
Exit codes:
  0  done
  1  failed
  2  wrong usage
  3  already running
  4  not running
  5  timed out
  6  the configuration has errors
  7  the tunnel waits for you";

const EXIT_CODES_FR: &str = "\
Codes de retour :
  0  fait
  1  échec
  2  mauvais usage
  3  déjà lancé
  4  pas lancé
  5  délai dépassé
  6  la configuration contient des erreurs
  7  le tunnel vous attend";

/// How the help is laid out, for `clap`.
pub(crate) const FRENCH_TEMPLATE: &str = "\
{about-with-newline}
Utilisation : {usage}

{all-args}{after-help}";

/// The heading of the verbs.
pub(crate) const FRENCH_VERBS: &str = "Commandes";

/// The help of `--help`.
pub(crate) const FRENCH_HELP: &str = "Afficher cette aide";

/// The help of `--version`.
pub(crate) const FRENCH_VERSION: &str = "Afficher la version";

/// The help of a verb (`hostkey show`), or of an argument of one (`hostkey show.tunnel`).
pub(crate) fn french(path: &str) -> Option<&'static str> {
    Some(match path {
        "" => {
            "Maintient un tunnel SSH vers le serveur de production, et ouvre Grafana quand tout fonctionne vraiment."
        }
        ".config" => "Utiliser ce fichier de configuration",
        ".state_dir" => {
            "Garder ici tout ce que Passerelle écrit : chaque dossier est un Passerelle à part"
        }

        ".started" => "Ce qui le lance, si ce n’est pas une personne",

        "run" => "Tenir les tunnels au premier plan, jusqu’à Ctrl-C",
        "run.json" => "Afficher l’état en objets JSON, un par ligne, à chaque changement",
        ".secrets" | "run.secrets" => {
            "Où garder les mots de passe que vous voulez garder : « keyring » (le trousseau du système) ou « memory » (la mémoire)"
        }

        "status" => "Dire comment va le Passerelle lancé",
        "status.json" => "En objet JSON",
        "status.watch" => "De nouveau à chaque changement, jusqu’à Ctrl-C",

        "up" => "Monter un tunnel, ou réessayer tout de suite ; sans nom, tous",
        "down" => "Descendre un tunnel ; sans nom, tous",
        "restart" => "Raccrocher et se reconnecter ; sans nom, tous",
        "up.tunnel" | "down.tunnel" | "restart.tunnel" => "Le nom du tunnel",

        "open" => "Attendre qu’un service fonctionne, puis l’ouvrir dans le navigateur",
        "open.forward" => "Le nom de sa redirection ; sans nom, la principale",
        "open.print" => "Afficher l’adresse au lieu de l’ouvrir",
        "open.timeout" => "Combien de temps attendre, par exemple 90s ou 2m (sinon 20s)",

        "hostkey" => "La clé du serveur : la voir, l’accepter, l’oublier",
        "hostkey show" => {
            "Montrer les clés connues du serveur, et celle qui attend d’être acceptée ou qui est refusée"
        }
        "hostkey show.tunnel" => "Le nom du tunnel ; sans nom, tous",
        "hostkey accept" => {
            "Faire confiance à la clé que présente le serveur : comparez-la d’abord avec celle que donne le service informatique"
        }
        "hostkey accept.tunnel" => "Le nom du tunnel ; sans nom, celui qui pose la question",
        "hostkey accept.fingerprint" => "Seulement si son empreinte est celle-ci",
        "hostkey forget" => "Oublier la clé acceptée pour le serveur du tunnel",

        "secret" => "Les mots de passe : en donner un avant qu’il soit demandé, ou les oublier",
        "secret set" => {
            "Donner le mot de passe du compte : il est tapé, ou lu sur l’entrée standard"
        }
        "secret set.temporary" => {
            "Le garder jusqu’à la fin de Passerelle, pas dans le trousseau du système"
        }
        "secret clear" => "Oublier les mots de passe et phrases secrètes du tunnel",
        "hostkey forget.tunnel" | "secret set.tunnel" | "secret clear.tunnel" => {
            "Le nom du tunnel ; inutile quand il n’y en a qu’un"
        }

        "answer" => {
            "Répondre à ce que demande un tunnel : un mot de passe, une phrase secrète, ou ce que le serveur veut savoir. La réponse est tapée, ou lue sur l’entrée standard, une ligne par champ"
        }
        "answer.tunnel" => "Le nom du tunnel ; sans nom, celui qui pose la question",
        "answer.remember" => {
            "Garder le mot de passe ou la phrase secrète dans le trousseau du système, une fois qu’il a fonctionné"
        }
        "answer.cancel" => "Refuser de répondre",

        "quit" => "Tout descendre et mettre fin au Passerelle lancé",
        "quit.for_upgrade" => "Demandé par l’installateur, qui le relance ensuite",

        "config" => "Le fichier de configuration : où il est, s’il est bon",
        "config path" => "Afficher où est le fichier de configuration",
        "config init" => {
            "Écrire un fichier de configuration où chaque clé est expliquée ; n’en écrase jamais un"
        }
        "config check" => "Dire si la configuration est bonne, et sinon tout ce qui ne va pas",
        "config show" => "Afficher chaque valeur en vigueur",
        "config show.origin" => "Avec la provenance de chacune",

        "completions" => "Afficher la complétion pour un interpréteur de commandes",
        "completions.shell" => "bash, elvish, fish, powershell ou zsh",

        "demo" => "Voir le tout fonctionner sur ce poste seul, sans rien préparer",
        "demo.headless" => "Afficher l’adresse, n’ouvrir aucun navigateur",
        "demo.once" => "S’arrêter dès qu’une page est passée",
        _ => return None,
    })
}
